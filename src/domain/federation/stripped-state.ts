import { isJsonObject, type JsonObject, type JsonValue } from '../../matrix/json.ts'
import { MAX_INVITE_STATE_EVENTS } from './limits.ts'

/**
 * State that another server shows for an invitation or a knock, reduced to stripped state (client-server-api#stripped-state): what is malformed is left out, bounded in
 * number. Nothing in it has been verified.
 */
export function strippedStateFrom(value: JsonValue | undefined): JsonObject[] {
  if (!Array.isArray(value)) return []
  const entries: readonly JsonValue[] = value
  return entries.slice(0, MAX_INVITE_STATE_EVENTS).flatMap((entry) => {
    if (!isJsonObject(entry)) return []
    const { type, state_key, sender, content, origin_server_ts: ts } = entry
    if (typeof type !== 'string' || typeof state_key !== 'string' || typeof sender !== 'string' || !isJsonObject(content)) return []
    // The time of the room's creation is shown too (MSC4311).
    return [{ type, state_key, sender, content, ...(type === 'm.room.create' && typeof ts === 'number' ? { origin_server_ts: ts } : {}) }]
  })
}
