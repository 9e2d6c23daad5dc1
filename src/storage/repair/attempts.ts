import type { ObjectStore } from '../object-store.ts'

/** How often a piece of work has failed since it succeeded last. */
export function readFailures(store: ObjectStore, kind: string, key: string): number {
  if (!store.exists()) return 0
  return store.first<{ failures: number }>('SELECT failures FROM attempts WHERE kind = ? AND key = ?', kind, key)?.failures ?? 0
}

/** Writes it; 0 removes it. The caller holds the transaction. */
export function writeFailures(store: ObjectStore, kind: string, key: string, failures: number): void {
  if (failures === 0) store.run('DELETE FROM attempts WHERE kind = ? AND key = ?', kind, key)
  else store.run('INSERT OR REPLACE INTO attempts (kind, key, failures) VALUES (?, ?, ?)', kind, key, failures)
}
