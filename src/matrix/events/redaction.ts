import type { JsonObject, JsonValue } from '../json.ts'
import { isJsonObject } from '../json.ts'
import type { RoomVersionRules } from '../room-versions/rules.ts'
import type { RoomEvent } from './room-event.ts'

/*
 * The redaction algorithm of every room version (client-server-api#redactions, rooms/v1 to rooms/v11 "Redactions").
 * It is also what signatures and event IDs are computed over, so a deviation here splits rooms.
 */

/** Top-level keys that survive redaction from version 11 on, in canonical order. */
const MODERN_TOP_LEVEL = [
  'auth_events',
  'content',
  'depth',
  'event_id',
  'hashes',
  'origin_server_ts',
  'prev_events',
  'room_id',
  'sender',
  'signatures',
  'state_key',
  'type',
]
/** Top-level keys that survive redaction before version 11, in canonical order. */
const LEGACY_TOP_LEVEL = [...MODERN_TOP_LEVEL, 'membership', 'origin', 'prev_state'].sort()

const POWER_LEVEL_KEYS = ['ban', 'events', 'events_default', 'kick', 'redact', 'state_default', 'users', 'users_default']
const MODERN_POWER_LEVEL_KEYS = [...POWER_LEVEL_KEYS, 'invite']

/**
 * The event with everything removed that its room version does not protect. Idempotent. `unsigned` goes, `signatures` stay.
 * The result shares values with the original.
 */
export function redactPdu(pdu: JsonObject, rules: RoomVersionRules): JsonObject {
  const redacted: Record<string, JsonValue> = {}
  for (const key of rules.modernRedaction ? MODERN_TOP_LEVEL : LEGACY_TOP_LEVEL) {
    const value = ownValue(pdu, key)
    if (value !== undefined) redacted[key] = value
  }
  const content = redacted.content
  redacted.content = isJsonObject(content) ? redactContent(typeof pdu.type === 'string' ? pdu.type : '', content, rules) : {}
  return redacted
}

/** What redaction leaves of the content of an event of this type. */
export function redactContent(type: string, content: JsonObject, rules: RoomVersionRules): JsonObject {
  switch (type) {
    case 'm.room.member':
      return redactMemberContent(content, rules)
    case 'm.room.create':
      return rules.modernRedaction ? content : pick(content, ['creator'])
    case 'm.room.join_rules':
      return pick(content, rules.redactionKeepsAllow ? ['join_rule', 'allow'] : ['join_rule'])
    case 'm.room.power_levels':
      return pick(content, rules.modernRedaction ? MODERN_POWER_LEVEL_KEYS : POWER_LEVEL_KEYS)
    case 'm.room.history_visibility':
      return pick(content, ['history_visibility'])
    case 'm.room.aliases':
      return rules.specialCaseAliases ? pick(content, ['aliases']) : {}
    case 'm.room.redaction':
      return rules.modernRedaction ? pick(content, ['redacts']) : {}
    default:
      return {}
  }
}

/** The redacted form of an event, under the same ID: room versions 3 and later compute it from this form anyway. */
export function redactEvent(event: RoomEvent, rules: RoomVersionRules): RoomEvent {
  const pdu = redactPdu(event.pdu, rules)
  const content = isJsonObject(pdu.content) ? pdu.content : {}
  const keepsTarget = event.type === 'm.room.redaction' && rules.modernRedaction
  return { ...event, content, redacts: keepsTarget ? event.redacts : undefined, pdu }
}

function redactMemberContent(content: JsonObject, rules: RoomVersionRules): JsonObject {
  const kept = pick(content, rules.redactionKeepsJoinAuthorised ? ['membership', 'join_authorised_via_users_server'] : ['membership'])
  const invite = ownValue(content, 'third_party_invite')
  if (!rules.modernRedaction || !isJsonObject(invite)) return kept
  // An object without `signed` stays as an empty object: other implementations hash it that way.
  return { ...kept, third_party_invite: pick(invite, ['signed']) }
}

function pick(object: JsonObject, keys: readonly string[]): JsonObject {
  const picked: Record<string, JsonValue> = {}
  for (const key of keys) {
    const value = ownValue(object, key)
    if (value !== undefined) picked[key] = value
  }
  return picked
}

function ownValue(object: JsonObject, key: string): JsonValue | undefined {
  return Object.hasOwn(object, key) ? object[key] : undefined
}
