import { isJsonObject, type JsonObject } from '../../../matrix/json.ts'
import type { DelayedEventRow } from '../../../storage/user/delayed-events.ts'

/** A delayed event as its owner sees it (MSC4140), under the names of the proposal and under those of its earlier drafts, which clients still read. */
export function describeDelayedEvent(row: DelayedEventRow): JsonObject {
  const { final } = row
  return {
    delay_id: row.delayId,
    room_id: row.roomId,
    type: row.type,
    ...(row.stateKey === undefined ? {} : { state_key: row.stateKey }),
    delay_ms: row.delayMs,
    scheduled_at: row.scheduledTs,
    delay: row.delayMs,
    running_since: row.scheduledTs,
    content: objectOf(row.content),
    ...(final === undefined ? {} : { finalised_ts: final.ts }),
    ...(final?.eventId === undefined ? {} : { event_id: final.eventId }),
    ...(final?.error === undefined ? {} : { error: objectOf(final.error) }),
  }
}

function objectOf(text: string): JsonObject {
  const value: unknown = JSON.parse(text)
  return isJsonObject(value) ? value : {}
}
