import type { ObjectStore } from '../object-store.ts'

/** What a job is about, as JSON text; `undefined` where there is none. */
export function readJob(store: ObjectStore, kind: string, key: string): string | undefined {
  if (!store.exists()) return undefined
  return store.first<{ body: string }>('SELECT body FROM jobs WHERE kind = ? AND key = ?', kind, key)?.body
}

/** Writes a job, in place of one of the same name. The caller holds the transaction. */
export function writeJob(store: ObjectStore, kind: string, key: string, body: string): void {
  store.run('INSERT OR REPLACE INTO jobs (kind, key, body) VALUES (?, ?, ?)', kind, key, body)
}

/** Removes a job. The caller holds the transaction. */
export function deleteJob(store: ObjectStore, kind: string, key: string): void {
  store.run('DELETE FROM jobs WHERE kind = ? AND key = ?', kind, key)
}
