import type { JsonObject, JsonValue } from '../json.ts'
import { isJsonObject } from '../json.ts'
import type { RoomVersionRules } from '../room-versions/rules.ts'
import type { EventId, RoomEvent } from './room-event.ts'

/**
 * The event in a PDU whose format, hashes and ID have been checked already: one read back from our own storage, or by `parsePdu`.
 * Never for what a peer or client sent. Fields of the wrong type read as empty.
 */
export function readEvent(pdu: JsonObject, eventId: EventId, roomId: string, rules: RoomVersionRules): RoomEvent {
  return {
    eventId,
    roomId,
    type: text(pdu.type),
    stateKey: typeof pdu.state_key === 'string' ? pdu.state_key : undefined,
    sender: text(pdu.sender),
    content: isJsonObject(pdu.content) ? pdu.content : {},
    originServerTs: typeof pdu.origin_server_ts === 'number' ? pdu.origin_server_ts : 0,
    depth: typeof pdu.depth === 'number' ? pdu.depth : 0,
    prevEvents: [...new Set(referencedIds(pdu.prev_events))],
    authEvents: referencedIds(pdu.auth_events),
    redacts: redactionTarget(pdu, rules),
    pdu,
  }
}

/** What a redaction event redacts: `redacts` at the top level, or in content from room version 11 on. */
export function redactionTarget(pdu: JsonObject, rules: RoomVersionRules): EventId | undefined {
  if (pdu.type !== 'm.room.redaction') return undefined
  const content = isJsonObject(pdu.content) ? pdu.content : {}
  const target = rules.redactsInContent ? content.redacts : pdu.redacts
  return typeof target === 'string' ? target : undefined
}

/** Event IDs of `prev_events` or `auth_events` of either form: plain IDs, or pairs of ID and hashes. */
export function referencedIds(references: JsonValue | undefined): EventId[] {
  if (!Array.isArray(references)) return []
  const ids: EventId[] = []
  for (const reference of references as readonly JsonValue[]) {
    const id: unknown = Array.isArray(reference) ? reference[0] : reference
    if (typeof id === 'string') ids.push(id)
  }
  return ids
}

function text(value: JsonValue | undefined): string {
  return typeof value === 'string' ? value : ''
}
