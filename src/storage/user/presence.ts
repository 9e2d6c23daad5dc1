import type { ObjectStore } from '../object-store.ts'

/** What the user wrote next to their presence, if anything. */
export function readStatusMessage(store: ObjectStore): string | undefined {
  return store.first<{ status_msg: string | null }>('SELECT status_msg FROM presence WHERE id = 1')?.status_msg ?? undefined
}

/** Sets it, or removes it. The caller holds the transaction. */
export function writeStatusMessage(store: ObjectStore, presence: string, statusMsg: string | undefined, nowMs: number): void {
  store.run('INSERT OR REPLACE INTO presence (id, presence, status_msg, active_ts) VALUES (1, ?, ?, ?)', presence, statusMsg ?? null, nowMs)
}
