import type { ObjectStore } from '../object-store.ts'

/** Local users who have asked for a user's devices since they last heard of a change. */
export function readersOf(store: ObjectStore, userId: string): string[] {
  return store.all<{ reader: string }>('SELECT reader FROM device_readers WHERE user_id = ?', userId).map(({ reader }) => reader)
}

/** Those of some users whom a reader is not noted for. */
export function withoutReader(store: ObjectStore, reader: string, userIds: readonly string[]): string[] {
  return store
    .all<{ value: string }>(
      'SELECT value FROM json_each(?1) WHERE NOT EXISTS (SELECT 1 FROM device_readers WHERE user_id = value AND reader = ?2)',
      JSON.stringify(userIds),
      reader,
    )
    .map(({ value }) => value)
}

/** Notes a reader of several users. The caller holds the transaction. */
export function addReader(store: ObjectStore, reader: string, userIds: readonly string[]): void {
  store.run('INSERT OR IGNORE INTO device_readers (user_id, reader) SELECT value, ?2 FROM json_each(?1)', JSON.stringify(userIds), reader)
}

/** A user's readers have heard of a change. The caller holds the transaction. */
export function deleteReaders(store: ObjectStore, userId: string): void {
  store.run('DELETE FROM device_readers WHERE user_id = ?', userId)
}
