import type { ObjectStore } from '../object-store.ts'

/** The state before an event whose predecessors are not here, as a group, if another server has told it. */
export function findClaimedState(store: ObjectStore, eventId: string): number | undefined {
  return store.first<{ gid: number }>('SELECT gid FROM claimed_states WHERE event_id = ?', eventId)?.gid
}

/** Remembers what another server tells of the state before an event. The caller holds the transaction. */
export function insertClaimedState(store: ObjectStore, eventId: string, gid: number): void {
  store.run('INSERT OR REPLACE INTO claimed_states (event_id, gid) VALUES (?, ?)', eventId, gid)
}

/** The event has its place, or is given up. The caller holds the transaction. */
export function deleteClaimedState(store: ObjectStore, eventId: string): void {
  store.run('DELETE FROM claimed_states WHERE event_id = ?', eventId)
}
