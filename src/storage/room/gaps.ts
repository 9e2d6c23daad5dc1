import type { ObjectStore } from '../object-store.ts'

/** Events that are named as predecessors of the event at a place and are not here. */
export interface Gap {
  /** Place of the event that names them: what is missing belongs right below. */
  readonly ord: number
  readonly eventIds: readonly string[]
}

/** Databases without gaps, which most are: every event that comes and every page that is read asks. */
const without = new WeakMap<ObjectStore, { none: boolean }>()

function hasNone(store: ObjectStore): boolean {
  let known = without.get(store)
  if (known === undefined) {
    const fresh = { none: false }
    store.onRollback(() => {
      fresh.none = false
    })
    without.set(store, fresh)
    known = fresh
  }
  known.none ||= store.first('SELECT 1 AS one FROM gaps LIMIT 1') === undefined
  return known.none
}

/** Remembers missing predecessors of an event at a place. The caller holds the transaction. */
export function insertGaps(store: ObjectStore, ord: number, eventIds: readonly string[]): void {
  const known = without.get(store)
  if (known !== undefined && eventIds.length > 0) known.none = false
  for (const eventId of eventIds) store.run('INSERT OR IGNORE INTO gaps (event_id, ord) VALUES (?, ?)', eventId, ord)
}

/** The highest gap with `fromOrd < ord ≤ toOrd` that may be tried now. */
export function highestGap(store: ObjectStore, fromOrd: number, toOrd: number, nowMs: number): Gap | undefined {
  if (hasNone(store)) return undefined
  const found = store.first<{ ord: number }>(
    'SELECT ord FROM gaps WHERE ord > ? AND ord <= ? AND retry_ts <= ? ORDER BY ord DESC LIMIT 1',
    fromOrd,
    toOrd,
    nowMs,
  )
  return found === undefined ? undefined : gapAt(store, found.ord)
}

/** What is missing right below a place, or `undefined`. */
export function gapAt(store: ObjectStore, ord: number): Gap | undefined {
  const rows = store.all<{ event_id: string }>('SELECT event_id FROM gaps WHERE ord = ? ORDER BY event_id', ord)
  return rows.length === 0 ? undefined : { ord, eventIds: rows.map((row) => row.event_id) }
}

/** The place of what is next below a gap: an event, or another gap. 0 where there is nothing. */
export function lowerEnd(store: ObjectStore, ord: number): number {
  const event = store.first<{ ord: number | null }>('SELECT max(ord) AS ord FROM events WHERE ord < ?', ord)?.ord ?? 0
  const gap = store.first<{ ord: number | null }>('SELECT max(ord) AS ord FROM gaps WHERE ord < ?', ord)?.ord ?? 0
  return Math.max(event, gap)
}

/** Whether an event is named as a predecessor by one that is here. */
export function isNamedInGap(store: ObjectStore, eventId: string): boolean {
  return !hasNone(store) && store.first('SELECT 1 AS one FROM gaps WHERE event_id = ? LIMIT 1', eventId) !== undefined
}

/** An event has arrived. The caller holds the transaction. */
export function deleteGap(store: ObjectStore, eventId: string): void {
  store.run('DELETE FROM gaps WHERE event_id = ?', eventId)
}

/** What is missing below a place could not be had; answers how often that was so. The caller holds the transaction. */
export function failGap(store: ObjectStore, ord: number, retryTs: (failures: number) => number): void {
  const failures = 1 + (store.first<{ n: number | null }>('SELECT max(failures) AS n FROM gaps WHERE ord = ?', ord)?.n ?? 0)
  store.run('UPDATE gaps SET failures = ?, retry_ts = ? WHERE ord = ?', failures, retryTs(failures), ord)
}
