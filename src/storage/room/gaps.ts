import type { ObjectStore } from '../object-store.ts'

/** An event that is named as a predecessor and is not here, and the place of the event that names it. */
export interface Gap {
  readonly eventId: string
  readonly ord: number
}

/** Remembers missing predecessors of an event at a place. The caller holds the transaction. */
export function insertGaps(store: ObjectStore, ord: number, eventIds: readonly string[]): void {
  for (const eventId of eventIds) store.run('INSERT OR IGNORE INTO gaps (event_id, ord) VALUES (?, ?)', eventId, ord)
}

/** Gaps with `fromOrd ≤ ord ≤ toOrd`, newest first. */
export function readGaps(store: ObjectStore, fromOrd: number, toOrd: number, limit: number): Gap[] {
  return store
    .all<{ event_id: string; ord: number }>(
      'SELECT event_id, ord FROM gaps WHERE ord >= ? AND ord <= ? ORDER BY ord DESC LIMIT ?',
      fromOrd,
      toOrd,
      limit,
    )
    .map((row) => ({ eventId: row.event_id, ord: row.ord }))
}

/** An event has arrived, or cannot be had. The caller holds the transaction. */
export function deleteGap(store: ObjectStore, eventId: string): void {
  store.run('DELETE FROM gaps WHERE event_id = ?', eventId)
}
