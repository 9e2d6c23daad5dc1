import type { ObjectStore } from '../object-store.ts'

/** Users of whom a change has yet to be told. */
export function untoldChanges(store: ObjectStore, limit: number): string[] {
  return store.all<{ user_id: string }>('SELECT user_id FROM untold_changes LIMIT ?', limit).map(({ user_id: userId }) => userId)
}

/** A change is to be told later. The caller holds the transaction. */
export function addUntoldChange(store: ObjectStore, userId: string): void {
  store.run('INSERT OR IGNORE INTO untold_changes (user_id) VALUES (?)', userId)
}

/** Changes are told. The caller holds the transaction. */
export function deleteUntoldChanges(store: ObjectStore, userIds: readonly string[]): void {
  store.run('DELETE FROM untold_changes WHERE user_id IN (SELECT value FROM json_each(?))', JSON.stringify(userIds))
}
