/**
 * What differs between room versions, as named flags. Algorithms ask "does this version …?", never "is this at least 7?".
 * An unknown version has no rules at all. Specification: rooms/v1 to rooms/v12.
 */
export interface RoomVersionRules {
  readonly version: string
  /** Advertised as `stable` in capabilities. */
  readonly stable: boolean
  /** Event IDs: chosen by the origin (v1, v2), reference hash in standard Base64 (v3) or URL-safe Base64 (v4+). */
  readonly eventIdFormat: 'origin' | 'hash-base64' | 'hash-base64url'
  /** `prev_events`/`auth_events` are pairs of ID and hashes (v1, v2) or plain IDs (v3+). */
  readonly eventReferences: 'pairs' | 'ids'
  /** State resolution algorithm. v2.1 (v12): starts from the empty set and adds the conflicted state subgraph (MSC4297). */
  readonly stateResolution: 'v1' | 'v2' | 'v2.1'
  /** Signing keys must have been valid at `origin_server_ts` (v5+). */
  readonly enforceKeyValidity: boolean
  /** Integers outside ±(2^53-1), floats and -0 are refused (v6+). */
  readonly strictCanonicalJson: boolean
  /** `m.room.aliases` has its own authorization rule (before v6) and survives redaction (before v6). */
  readonly specialCaseAliases: boolean
  /** Redactions need the redact level or the same domain as an authorization rule (v1, v2); later checked when applied. */
  readonly redactionAuthRule: boolean
  /** Changes to `notifications` in power levels are checked like `users` and `events` (v6+). */
  readonly limitNotificationPowerLevels: boolean
  /** Join rule `knock` and membership `knock` (v7+). */
  readonly knocking: boolean
  /** Join rule `restricted` (v8+). */
  readonly restrictedJoins: boolean
  /** Redaction keeps `join_authorised_via_users_server` in member events (v9+). */
  readonly redactionKeepsJoinAuthorised: boolean
  /** Redaction keeps `allow` in join rules (v8+). */
  readonly redactionKeepsAllow: boolean
  /** Join rule `knock_restricted` (v10+). */
  readonly knockRestricted: boolean
  /** Power levels must be integers, not strings (v10+). */
  readonly integerPowerLevels: boolean
  /** The sender of the create event is the creator; there is no `creator` field (v11+). */
  readonly implicitCreator: boolean
  /** `redacts` lives in content (v11+). */
  readonly redactsInContent: boolean
  /** v11 redaction: create keeps all content, power levels keep `invite`, member keeps `third_party_invite.signed`, no legacy top-level keys. */
  readonly modernRedaction: boolean
  /** The room ID is the create event's hash, `m.room.create` is not in `auth_events` (v12, MSC4291). */
  readonly roomIdIsCreateHash: boolean
  /** Creators (and `additional_creators`) have infinite power and may not appear in `users` (v12, MSC4289). */
  readonly privilegedCreators: boolean
  /** State keys may go on behind their owner's user ID and an underscore, and whoever has more power than the owner may set them (MSC3757, unstable). */
  readonly ownedState: boolean
}

const V1: RoomVersionRules = {
  version: '1',
  stable: true,
  eventIdFormat: 'origin',
  eventReferences: 'pairs',
  stateResolution: 'v1',
  enforceKeyValidity: false,
  strictCanonicalJson: false,
  specialCaseAliases: true,
  redactionAuthRule: true,
  limitNotificationPowerLevels: false,
  knocking: false,
  restrictedJoins: false,
  redactionKeepsJoinAuthorised: false,
  redactionKeepsAllow: false,
  knockRestricted: false,
  integerPowerLevels: false,
  implicitCreator: false,
  redactsInContent: false,
  modernRedaction: false,
  roomIdIsCreateHash: false,
  privilegedCreators: false,
  ownedState: false,
}
const V2: RoomVersionRules = { ...V1, version: '2', stateResolution: 'v2' }
const V3: RoomVersionRules = { ...V2, version: '3', eventIdFormat: 'hash-base64', eventReferences: 'ids', redactionAuthRule: false }
const V4: RoomVersionRules = { ...V3, version: '4', eventIdFormat: 'hash-base64url' }
const V5: RoomVersionRules = { ...V4, version: '5', enforceKeyValidity: true }
const V6: RoomVersionRules = {
  ...V5,
  version: '6',
  strictCanonicalJson: true,
  specialCaseAliases: false,
  limitNotificationPowerLevels: true,
}
const V7: RoomVersionRules = { ...V6, version: '7', knocking: true }
const V8: RoomVersionRules = { ...V7, version: '8', restrictedJoins: true, redactionKeepsAllow: true }
const V9: RoomVersionRules = { ...V8, version: '9', redactionKeepsJoinAuthorised: true }
const V10: RoomVersionRules = { ...V9, version: '10', knockRestricted: true, integerPowerLevels: true }
const V11: RoomVersionRules = { ...V10, version: '11', implicitCreator: true, redactsInContent: true, modernRedaction: true }
const V12: RoomVersionRules = {
  ...V11,
  version: '12',
  stateResolution: 'v2.1',
  roomIdIsCreateHash: true,
  privilegedCreators: true,
}

const PUBLISHED: readonly RoomVersionRules[] = [V1, V2, V3, V4, V5, V6, V7, V8, V9, V10, V11, V12]
const UNSTABLE: readonly RoomVersionRules[] = [
  { ...V10, version: 'org.matrix.msc3757.10', stable: false, ownedState: true },
  { ...V11, version: 'org.matrix.msc3757.11', stable: false, ownedState: true },
]

const BY_VERSION: ReadonlyMap<string, RoomVersionRules> = new Map([...PUBLISHED, ...UNSTABLE].map((rules) => [rules.version, rules]))

/** The rules of a room version, or `undefined` for one that this server does not know. */
export function findRoomVersionRules(version: string): RoomVersionRules | undefined {
  return BY_VERSION.get(version)
}

/** Every published version that is known, in order of publication. */
export const ROOM_VERSIONS: readonly string[] = PUBLISHED.map(({ version }) => version)

/** Versions of proposals: for those who ask for them by name. */
export const UNSTABLE_ROOM_VERSIONS: readonly string[] = UNSTABLE.map(({ version }) => version)
