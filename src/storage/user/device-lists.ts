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
