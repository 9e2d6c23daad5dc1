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

/**
 * The next events that other servers may ask for, and up to which event number those are all. Outliers are not among them: a room that is joined has as many of
 * them as it has had members.
 */
export function eventsToIndex(
  store: ObjectStore,
  afterNid: number,
  limit: number,
): { readonly eventIds: readonly string[]; readonly lastNid: number } {
  const rows = store.all<{ nid: number; event_id: string }>(
    'SELECT nid, event_id FROM events WHERE nid > ? AND status = ? ORDER BY nid LIMIT ?',
    afterNid,
    EVENT_STATUSES.indexOf('accepted'),
    limit,
  )
  const last = rows.length === limit ? rows.at(-1)?.nid : store.first<{ nid: number | null }>('SELECT max(nid) AS nid FROM events')?.nid
  return { eventIds: rows.map((row) => row.event_id), lastNid: Math.max(afterNid, last ?? 0) }
}
