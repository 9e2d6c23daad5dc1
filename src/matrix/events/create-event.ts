import { encodeBase64 } from '../base64.ts'
import { sha256, utf8ByteLength } from '../crypto.ts'
import { badJson, tooLarge } from '../errors.ts'
import { isWithinIdBytes } from '../ids/domain-id.ts'
import type { JsonObject, JsonValue } from '../json.ts'
import { isJsonObject } from '../json.ts'
import type { RoomVersionRules } from '../room-versions/rules.ts'
import type { EventSigner } from '../signing.ts'
import { addSignature } from '../signing.ts'
import { contentHashPayload, essentialPayload, eventIdOfPayload, memberBytes, referenceHash, roomIdOfCreateEvent } from './event-hashes.ts'
import { MAX_DEPTH, MAX_PDU_BYTES } from './event-limits.ts'
import { redactionTarget } from './read-event.ts'
import type { EventId, RoomEvent } from './room-event.ts'

/** What a server decides about an event before hashing and signing it. */
export interface EventDraft {
  /** Absent in the create event of a room version whose room IDs are its hash. */
  readonly roomId?: string | undefined
  /** The event's ID in room versions 1 and 2, where the origin chooses it; ignored later. */
  readonly eventId?: EventId | undefined
  readonly type: string
  /** Present on state events only. */
  readonly stateKey?: string | undefined
  readonly sender: string
  readonly content: JsonObject
  /** Milliseconds since the epoch. */
  readonly originServerTs: number
  /** One more than the deepest of `prevEvents`; values above the maximum are lowered to it. */
  readonly depth: number
  readonly prevEvents: readonly EventId[]
  readonly authEvents: readonly EventId[]
  /**
   * Reference hashes (unpadded Base64) of `prevEvents` and `authEvents`; room versions 1 and 2 carry them beside the IDs. `null`: whoever named the event did
   * not tell its hash, and none is carried.
   */
  readonly referenceHashes?: ReadonlyMap<EventId, string | null> | undefined
  /** Target of a redaction, put where the room version keeps it. */
  readonly redacts?: EventId | undefined
}

/**
 * Hashes, identifies and signs an event of our own (server-server-api#adding-hashes-and-signatures-to-outgoing-events).
 * @throws MatrixError M_TOO_LARGE if the event exceeds 65,536 bytes of canonical JSON or one of its identifiers 255 bytes; M_BAD_JSON if its
 *   content has no canonical form in this room version.
 */
export function createEvent(draft: EventDraft, rules: RoomVersionRules, signer: EventSigner): RoomEvent {
  checkIdSizes(draft)
  const content = rules.redactsInContent && draft.redacts !== undefined ? { ...draft.content, redacts: draft.redacts } : draft.content
  const depth = Math.min(draft.depth, MAX_DEPTH)
  const unsealed = buildPdu(draft, content, depth, rules)
  const { pdu, payload, canonicalBytes } = sealPdu(unsealed, rules, signer)
  if (canonicalBytes > MAX_PDU_BYTES) throw tooLarge(`The event has ${canonicalBytes} bytes; at most ${MAX_PDU_BYTES} are allowed`)
  const eventId = rules.eventIdFormat === 'origin' ? (draft.eventId ?? '') : eventIdOfPayload(payload, rules)
  return {
    eventId,
    roomId: draft.roomId ?? roomIdOfCreateEvent(eventId),
    type: draft.type,
    stateKey: draft.stateKey,
    sender: draft.sender,
    content,
    originServerTs: draft.originServerTs,
    depth,
    prevEvents: draft.prevEvents,
    authEvents: draft.authEvents,
    redacts: redactionTarget(pdu, rules),
    pdu,
  }
}

/**
 * A PDU of ours with its content hash and signature. The limits are the caller's business.
 * @returns the sealed PDU, what signature and event ID cover, and the length of its canonical JSON with signatures but without `unsigned`.
 * @throws MatrixError M_BAD_JSON if the PDU has no canonical form in this room version.
 */
export function sealPdu(
  pdu: JsonObject,
  rules: RoomVersionRules,
  signer: EventSigner,
): { readonly pdu: JsonObject; readonly payload: string; readonly canonicalBytes: number } {
  const hashed = contentHashPayload(pdu, rules)
  const hashes = { ...(isJsonObject(pdu.hashes) ? pdu.hashes : {}), sha256: encodeBase64(sha256(hashed)) }
  const payload = essentialPayload({ ...pdu, hashes }, rules)
  const signatures = addSignature(pdu.signatures, signer, encodeBase64(signer.sign(payload)))
  const canonicalBytes = utf8ByteLength(hashed) + memberBytes('hashes', hashes) + memberBytes('signatures', signatures)
  return { pdu: { ...pdu, hashes, signatures }, payload, canonicalBytes }
}

/**
 * Another server's PDU with our signature added to those that it has; nothing else changes. For invitations to our users and for restricted
 * joins that one of our users authorises.
 * @throws MatrixError M_BAD_JSON if the PDU has no canonical form in this room version.
 */
export function cosignPdu(pdu: JsonObject, rules: RoomVersionRules, signer: EventSigner): JsonObject {
  const signature = encodeBase64(signer.sign(essentialPayload(pdu, rules)))
  return { ...pdu, signatures: addSignature(pdu.signatures, signer, signature) }
}

function checkIdSizes(draft: EventDraft): void {
  const { type, stateKey = '', sender, roomId = '', eventId = '' } = draft
  for (const [name, text] of Object.entries({ type, state_key: stateKey, sender, room_id: roomId, event_id: eventId })) {
    if (!isWithinIdBytes(text)) throw tooLarge(`The event's ${name} is longer than 255 bytes`)
  }
}

function buildPdu(draft: EventDraft, content: JsonObject, depth: number, rules: RoomVersionRules): JsonObject {
  const foundsRoom = rules.roomIdIsCreateHash && draft.type === 'm.room.create'
  if ((draft.roomId === undefined) !== foundsRoom) {
    throw badJson(foundsRoom ? 'This create event must not have a room ID' : 'The event needs a room ID')
  }
  if (rules.eventIdFormat === 'origin' && draft.eventId === undefined) throw badJson('An event of this room version needs an ID')
  return {
    auth_events: eventReferences(draft.authEvents, draft, rules),
    content,
    depth,
    ...(rules.eventIdFormat === 'origin' ? { event_id: draft.eventId } : {}),
    origin_server_ts: draft.originServerTs,
    prev_events: eventReferences(draft.prevEvents, draft, rules),
    ...(draft.redacts === undefined || rules.redactsInContent ? {} : { redacts: draft.redacts }),
    ...(draft.roomId === undefined ? {} : { room_id: draft.roomId }),
    sender: draft.sender,
    ...(draft.stateKey === undefined ? {} : { state_key: draft.stateKey }),
    type: draft.type,
  }
}

/** The reference hashes that room versions 1 and 2 carry beside IDs, of events that a new one refers to; `undefined` later, where IDs are hashes. */
export function referenceHashesOf(events: readonly RoomEvent[], rules: RoomVersionRules): ReadonlyMap<EventId, string> | undefined {
  if (rules.eventReferences === 'ids') return undefined
  return new Map(events.map(({ eventId, pdu }) => [eventId, encodeBase64(referenceHash(pdu, rules))]))
}

/**
 * References to events as `prev_events` and `auth_events` hold them: IDs, or in room versions 1 and 2 pairs of ID and hashes.
 * @throws MatrixError M_BAD_JSON where a hash is missing.
 */
export function eventReferences(
  ids: readonly EventId[],
  { referenceHashes }: Pick<EventDraft, 'referenceHashes'>,
  rules: RoomVersionRules,
): readonly JsonValue[] {
  if (rules.eventReferences === 'ids') return ids
  return ids.map((id) => {
    const hash = referenceHashes?.get(id)
    if (hash === undefined) throw badJson(`The reference hash of ${id} is missing`)
    return [id, hash === null ? {} : { sha256: hash }]
  })
}
