import { decodeBase64 } from '../base64.ts'
import { sha256, utf8ByteLength } from '../crypto.ts'
import { MatrixError } from '../errors.ts'
import { isBoundedText, isWithinIdBytes } from '../ids/domain-id.ts'
import { isEventIdOfVersion } from '../ids/event-id.ts'
import { isRoomIdOfVersion } from '../ids/room-id.ts'
import { isUserId } from '../ids/user-id.ts'
import type { JsonObject, JsonValue } from '../json.ts'
import { isJsonObject } from '../json.ts'
import type { RoomVersionRules } from '../room-versions/rules.ts'
import { contentHashPayload, essentialPayload, eventIdOfPayload, memberBytes, roomIdOfCreateEvent } from './event-hashes.ts'
import { LEGACY_DEPTH_BOUND, MAX_AUTH_EVENTS, MAX_DEPTH, MAX_PDU_BYTES, MAX_PREV_EVENTS } from './event-limits.ts'
import { readEvent } from './read-event.ts'
import type { RoomEvent } from './room-event.ts'

export { computeEventId, contentHash } from './event-hashes.ts'

/** A PDU of a valid format. Its signatures have not been looked at. */
export interface ParsedPdu {
  readonly ok: true
  /** The event as received, without `unsigned`. */
  readonly event: RoomEvent
  /**
   * Whether the content hash fits. If it does not, only the redacted form may be processed further, once the signatures have been
   * verified: see `redactEvent`.
   */
  readonly contentHashMatches: boolean
  /** What the event's signatures cover, so that checking them needs no second pass. */
  readonly signedPayload: string
}

/** A PDU that must be dropped, and why, in words for a log. */
export interface RefusedPdu {
  readonly ok: false
  readonly reason: string
}

/**
 * Checks a PDU against the event format of its room version (server-server-api#checks-performed-on-receipt-of-a-pdu, check 1) and computes
 * its ID and content hash. Total: any object gives an answer.
 *
 * What only the received text shows (duplicate keys, `1.0`, `-0`) is `parseStrictJson`'s to refuse.
 * @param roomId the room that the PDU must belong to, where that is known.
 */
export function parsePdu(pdu: JsonObject, rules: RoomVersionRules, roomId?: string): ParsedPdu | RefusedPdu {
  // `unsigned` is neither signed nor hashed: whoever relayed the event may have written it.
  const { unsigned: _unsigned, ...received } = pdu
  const reason = formatProblem(received, rules)
  if (reason !== undefined) return { ok: false, reason }
  try {
    return seal(received, rules, roomId)
  } catch (error) {
    if (error instanceof MatrixError) return { ok: false, reason: error.message }
    throw error
  }
}

function seal(pdu: JsonObject, rules: RoomVersionRules, expectedRoomId: string | undefined): ParsedPdu | RefusedPdu {
  const hashed = contentHashPayload(pdu, rules)
  const bytes = utf8ByteLength(hashed) + memberBytes('hashes', pdu.hashes ?? {}) + memberBytes('signatures', pdu.signatures ?? {})
  if (bytes > MAX_PDU_BYTES) return { ok: false, reason: `the event has ${bytes} bytes, more than ${MAX_PDU_BYTES}` }
  const signedPayload = essentialPayload(pdu, rules)
  const eventId = rules.eventIdFormat === 'origin' ? String(pdu.event_id) : eventIdOfPayload(signedPayload, rules)
  const roomId = typeof pdu.room_id === 'string' ? pdu.room_id : roomIdOfCreateEvent(eventId)
  if (expectedRoomId !== undefined && roomId !== expectedRoomId) return { ok: false, reason: 'the event belongs to another room' }
  const event = readEvent(pdu, eventId, roomId, rules)
  if (event.prevEvents.includes(eventId) || event.authEvents.includes(eventId)) return { ok: false, reason: 'the event refers to itself' }
  return { ok: true, event, contentHashMatches: areEqual(receivedHash(pdu), sha256(hashed)), signedPayload }
}

/** The SHA-256 content hash that a PDU states; `undefined` if there is none or it is not Base64. */
function receivedHash(pdu: JsonObject): Uint8Array | undefined {
  const encoded = isJsonObject(pdu.hashes) && Object.hasOwn(pdu.hashes, 'sha256') ? pdu.hashes.sha256 : undefined
  return typeof encoded === 'string' ? decodeBase64(encoded) : undefined
}

function areEqual(left: Uint8Array | undefined, right: Uint8Array): boolean {
  return left !== undefined && left.length === right.length && left.every((byte, index) => byte === right[index])
}

/** The first thing that is wrong with a PDU's members, one by one; `undefined` if nothing is. */
function formatProblem(pdu: JsonObject, rules: RoomVersionRules): string | undefined {
  if (typeof pdu.type !== 'string' || !isWithinIdBytes(pdu.type)) return 'type is not a string of at most 255 bytes'
  if (typeof pdu.sender !== 'string' || !isUserId(pdu.sender)) return 'sender is not a user ID'
  if (pdu.state_key !== undefined && (typeof pdu.state_key !== 'string' || !isWithinIdBytes(pdu.state_key))) {
    return 'state_key is not a string of at most 255 bytes'
  }
  if (!isJsonObject(pdu.content)) return 'content is not an object'
  if (!isTimestamp(pdu.origin_server_ts, rules)) return 'origin_server_ts is not an integer in range'
  if (!isDepth(pdu.depth, rules)) return 'depth is not an integer in range'
  if (receivedHash(pdu) === undefined) return 'hashes has no SHA-256 hash in Base64'
  if (!isSignatures(pdu.signatures)) return 'signatures is not an object of objects of strings'
  if (rules.eventIdFormat === 'origin' && (typeof pdu.event_id !== 'string' || !isEventIdOfVersion(pdu.event_id, rules))) {
    return 'event_id is not an event ID of this room version'
  }
  return roomIdProblem(pdu, rules) ?? graphProblem(pdu, rules)
}

function roomIdProblem(pdu: JsonObject, rules: RoomVersionRules): string | undefined {
  if (rules.roomIdIsCreateHash && pdu.type === 'm.room.create') {
    return pdu.room_id === undefined ? undefined : 'a create event of this room version has no room_id'
  }
  const valid = typeof pdu.room_id === 'string' && isRoomIdOfVersion(pdu.room_id, rules)
  return valid ? undefined : 'room_id is not a room ID of this room version'
}

function graphProblem(pdu: JsonObject, rules: RoomVersionRules): string | undefined {
  if (!isReferenceList(pdu.prev_events, MAX_PREV_EVENTS, rules)) return `prev_events is not a list of at most ${MAX_PREV_EVENTS} events`
  if (!isReferenceList(pdu.auth_events, MAX_AUTH_EVENTS, rules)) return `auth_events is not a list of at most ${MAX_AUTH_EVENTS} events`
  if (pdu.prev_events.length === 0 && pdu.type !== 'm.room.create') return 'only a create event has no prev_events'
  return undefined
}

function isReferenceList(value: JsonValue | undefined, limit: number, rules: RoomVersionRules): value is readonly JsonValue[] {
  if (!Array.isArray(value) || value.length > limit) return false
  const references: readonly JsonValue[] = value
  return references.every((reference) => (rules.eventReferences === 'ids' ? isReferencedId(reference) : isReferencePair(reference)))
}

function isReferencedId(value: JsonValue | undefined): boolean {
  return typeof value === 'string' && value.startsWith('$') && isBoundedText(value)
}

function isReferencePair(value: JsonValue): boolean {
  if (!Array.isArray(value) || value.length !== 2) return false
  const [id, hashes]: readonly JsonValue[] = value
  return isReferencedId(id) && isJsonObject(hashes)
}

function isDepth(value: JsonValue | undefined, rules: RoomVersionRules): boolean {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 0) return false
  return rules.strictCanonicalJson ? value <= MAX_DEPTH : value < LEGACY_DEPTH_BOUND
}

function isTimestamp(value: JsonValue | undefined, rules: RoomVersionRules): boolean {
  if (typeof value !== 'number') return false
  return rules.strictCanonicalJson ? Number.isSafeInteger(value) : Number.isInteger(value)
}

function isSignatures(value: JsonValue | undefined): boolean {
  if (!isJsonObject(value)) return false
  return Object.values(value).every((entry) => isJsonObject(entry) && Object.values(entry).every((text) => typeof text === 'string'))
}
