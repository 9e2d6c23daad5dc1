import { encodeBase64, encodeBase64Url } from '../base64.ts'
import type { CanonicalNumbers } from '../canonical-json.ts'
import { canonicalJson } from '../canonical-json.ts'
import { sha256, utf8ByteLength } from '../crypto.ts'
import { badJson } from '../errors.ts'
import type { JsonObject, JsonValue } from '../json.ts'
import type { RoomVersionRules } from '../room-versions/rules.ts'
import { signedPayload } from '../signing.ts'
import { redactPdu } from './redaction.ts'
import type { EventId } from './room-event.ts'

/** Which numbers canonical JSON may contain in rooms of this version (rooms/v6#canonical-json). */
export function canonicalNumbers(rules: RoomVersionRules): CanonicalNumbers {
  return rules.strictCanonicalJson ? 'strict' : 'legacy'
}

/**
 * What the content hash covers: the event's canonical JSON without `unsigned`, `signatures` and `hashes`.
 * @throws MatrixError M_BAD_JSON if the event has no canonical form in this room version.
 */
export function contentHashPayload(pdu: JsonObject, rules: RoomVersionRules): string {
  const { unsigned: _unsigned, signatures: _signatures, hashes: _hashes, ...hashed } = pdu
  return canonicalJson(hashed, canonicalNumbers(rules))
}

/** The content hash in unpadded Base64 (server-server-api#calculating-the-content-hash-for-an-event). Throws as {@link contentHashPayload} does. */
export function contentHash(pdu: JsonObject, rules: RoomVersionRules): string {
  return encodeBase64(sha256(contentHashPayload(pdu, rules)))
}

/**
 * What both the reference hash and the signatures of an event cover: the canonical JSON of its redacted form without `signatures`
 * and `unsigned`. Throws as {@link contentHashPayload} does.
 */
export function essentialPayload(pdu: JsonObject, rules: RoomVersionRules): string {
  return signedPayload(redactPdu(pdu, rules), canonicalNumbers(rules))
}

/** The reference hash, 32 bytes (server-server-api#calculating-the-reference-hash-for-an-event). Throws as {@link contentHashPayload} does. */
export function referenceHash(pdu: JsonObject, rules: RoomVersionRules): Uint8Array {
  return sha256(essentialPayload(pdu, rules))
}

/**
 * The ID of an event: chosen by its origin in versions 1 and 2, its reference hash later, where an `event_id` in the PDU means nothing.
 * @throws MatrixError M_BAD_JSON if the event has no canonical form, or no `event_id` where it needs one.
 */
export function computeEventId(pdu: JsonObject, rules: RoomVersionRules): EventId {
  if (rules.eventIdFormat === 'origin') {
    if (typeof pdu.event_id !== 'string') throw badJson('An event of this room version needs an event_id')
    return pdu.event_id
  }
  return eventIdOfPayload(essentialPayload(pdu, rules), rules)
}

/** The ID that follows from an event's {@link essentialPayload}, in room versions 3 and later. */
export function eventIdOfPayload(payload: string, rules: RoomVersionRules): EventId {
  const hash = sha256(payload)
  return `$${rules.eventIdFormat === 'hash-base64' ? encodeBase64(hash) : encodeBase64Url(hash)}`
}

/** The ID of the room that a create event founds, in versions whose room IDs are hashes: the event's ID under the other sigil. */
export function roomIdOfCreateEvent(createEventId: EventId): string {
  return `!${createEventId.slice(1)}`
}

/** Bytes that one more member adds to the canonical JSON of an object that has others: `,"key":value`. */
export function memberBytes(key: string, value: JsonValue): number {
  return utf8ByteLength(canonicalJson(value)) + key.length + 4
}
