import type { ObjectStore } from '../object-store.ts'

/** Users whose devices or keys changed in `(since, upTo]`. Bounded by the number of users who ever shared a room with this one. */
export function readDeviceListChanges(store: ObjectStore, since: number, upTo: number): string[] {
  return store
    .all<{ user_id: string }>('SELECT user_id FROM device_lists WHERE id > ? AND id <= ? ORDER BY id', since, upTo)
    .map((row) => row.user_id)
}

/** Notes a user's latest change. */
export function writeDeviceListChange(store: ObjectStore, userId: string, id: number): void {
  store.run('INSERT OR REPLACE INTO device_lists (user_id, id) VALUES (?, ?)', userId, id)
}

/** Up to which item of a sender's outbox everything is in the database. */
export function readPeerPosition(store: ObjectStore, sender: string): number {
  return store.first<{ id: number }>('SELECT id FROM peer_positions WHERE sender = ?', sender)?.id ?? 0
}

/** Notes how far a sender's outbox has been taken. */
export function writePeerPosition(store: ObjectStore, sender: string, id: number): void {
  store.run('INSERT OR REPLACE INTO peer_positions (sender, id) VALUES (?, ?)', sender, id)
}
