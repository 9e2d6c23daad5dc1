import type { ObjectStore } from '../object-store.ts'
import { EVENT_STATUSES } from './event-row.ts'

/** Up to which event number the registry knows of the room's events. */
export function readIndexedNid(store: ObjectStore): number {
  return store.first<{ nid: number }>('SELECT nid FROM event_index')?.nid ?? 0
}

/** Remembers how far the registry knows. The caller holds the transaction. */
export function writeIndexedNid(store: ObjectStore, nid: number): void {
  store.run('INSERT INTO event_index (id, nid) VALUES (1, ?) ON CONFLICT (id) DO UPDATE SET nid = excluded.nid', nid)
}

/** Events looked at in one turn: their rows are read whole. */
const MAX_LOOKED_AT = 2000

/**
 * The next events that other servers may ask for, at most {@link MAX_LOOKED_AT} looked at, and up to which event number those are all. Outliers are not among
 * them: a room that is joined has as many of them as it has had members.
 */
export function eventsToIndex(
  store: ObjectStore,
  afterNid: number,
  limit: number,
): { readonly eventIds: readonly string[]; readonly lastNid: number } {
  const rows = store.all<{ nid: number; event_id: string; status: number }>(
    'SELECT nid, event_id, status FROM events WHERE nid > ? ORDER BY nid LIMIT ?',
    afterNid,
    MAX_LOOKED_AT,
  )
  const accepted = rows.filter(({ status }) => status === EVENT_STATUSES.indexOf('accepted'))
  const page = accepted.slice(0, limit)
  const last = page.length < accepted.length ? page.at(-1) : rows.at(-1)
  return { eventIds: page.map((row) => row.event_id), lastNid: last?.nid ?? afterNid }
}
