import type { ObjectStore } from '../object-store.ts'

/** Up to which sequence number a life of the object has written its feed; `undefined` if it wrote nothing, or too long ago to be remembered. */
export function readFlushedSeq(store: ObjectStore, boot: string): number | undefined {
  return store.first<{ seq: number }>('SELECT seq FROM boots WHERE boot = ?', boot)?.seq
}

/** The highest sequence number that any life has written; 0 before the first. */
export function readHighestFlushedSeq(store: ObjectStore): number {
  return store.first<{ seq: number | null }>('SELECT max(seq) AS seq FROM boots')?.seq ?? 0
}

/** Records how far a life has written; its first time forgets all but the latest `keep` lives. The caller holds the transaction. */
export function recordFlush(store: ObjectStore, boot: string, seq: number, keep: number, isFirst: boolean): void {
  store.run('INSERT INTO boots (boot, seq) VALUES (?, ?) ON CONFLICT (boot) DO UPDATE SET seq = excluded.seq', boot, seq)
  if (isFirst) store.run('DELETE FROM boots WHERE id <= (SELECT max(id) FROM boots) - ?', keep)
}
