import type { ObjectStore } from '../object-store.ts'

/** The latest change of a local user's devices that the other server was told of. */
export function toldDevices(store: ObjectStore, userId: string): number | undefined {
  return store.first<{ stream_id: number }>('SELECT stream_id FROM told_devices WHERE user_id = ?', userId)?.stream_id
}

/** The other server is being told of a change. The caller holds the transaction. */
export function writeToldDevices(store: ObjectStore, userId: string, streamId: number): void {
  store.run('INSERT OR REPLACE INTO told_devices (user_id, stream_id) VALUES (?, ?)', userId, streamId)
}
