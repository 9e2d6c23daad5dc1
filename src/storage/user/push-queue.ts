import type { ObjectStore } from '../object-store.ts'
import type { Pusher } from './pushers.ts'

/** A notification that waits for its pusher. */
export interface QueuedPush {
  readonly roomId: string
  readonly eventId: string
  /** Position of the event's unread mark; 0 for an invitation, which has none. */
  readonly pos: number
  /** Whether it is urgent enough to wake a phone. */
  readonly high: boolean
  /** Tweaks by name, a JSON object as text. */
  readonly tweaks: string
  /** When the user was to be notified, in milliseconds since the epoch. */
  readonly ts: number
}

type Columns = {
  id: number
  app_id: string
  pushkey: string
  room_id: string
  event_id: string
  pos: number
  high: number
  tweaks: string
  ts: number
}

/** Everything that waits, in order. Bounded by what is kept for each pusher. */
export function readPushQueue(
  store: ObjectStore,
): { readonly id: number; readonly appId: string; readonly pushkey: string; readonly push: QueuedPush }[] {
  return store.all<Columns>('SELECT * FROM push_queue ORDER BY id').map((row) => ({
    id: row.id,
    appId: row.app_id,
    pushkey: row.pushkey,
    push: { roomId: row.room_id, eventId: row.event_id, pos: row.pos, high: row.high === 1, tweaks: row.tweaks, ts: row.ts },
  }))
}

/** Adds a notification; answers its number. The caller holds the transaction. */
export function insertQueuedPush(store: ObjectStore, { appId, pushkey }: Pick<Pusher, 'appId' | 'pushkey'>, push: QueuedPush): number {
  const [row] = store.returning<{ id: number }>(
    `INSERT INTO push_queue (app_id, pushkey, room_id, event_id, pos, high, tweaks, ts) VALUES (?, ?, ?, ?, ?, ?, ?, ?) RETURNING id`,
    appId,
    pushkey,
    push.roomId,
    push.eventId,
    push.pos,
    push.high ? 1 : 0,
    push.tweaks,
    push.ts,
  )
  if (row === undefined) throw new Error('an inserted row has no number')
  return row.id
}

/** Removes notifications that were delivered or given up. The caller holds the transaction. */
export function deleteQueuedPushes(store: ObjectStore, ids: readonly number[]): void {
  if (ids.length > 0) store.run('DELETE FROM push_queue WHERE id IN (SELECT value FROM json_each(?))', JSON.stringify(ids))
}
