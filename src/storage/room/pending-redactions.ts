import type { ObjectStore } from '../object-store.ts'

/** Redactions kept per missing target; more have no further effect. */
const MAX_PER_TARGET = 20

/** Databases in which redactions may wait (`true`) or none does: nearly always none, and every received event asks. */
const mayWait = new WeakMap<ObjectStore, boolean>()

/** Remembers that a redaction waits for its target. The caller holds the transaction. */
export function insertPendingRedaction(store: ObjectStore, target: string, nid: number): void {
  mayWait.set(store, true)
  const waiting = store.sql.exec<{ n: number }>('SELECT count(*) AS n FROM pending_redactions WHERE target = ?', target).one().n
  if (waiting < MAX_PER_TARGET) store.run('INSERT OR IGNORE INTO pending_redactions (target, nid) VALUES (?, ?)', target, nid)
}

/** Takes the redactions that waited for an event, in order of arrival. The caller holds the transaction. */
export function takePendingRedactions(store: ObjectStore, target: string): number[] {
  if (!mayWait.has(store)) mayWait.set(store, store.first('SELECT 1 AS found FROM pending_redactions LIMIT 1') !== undefined)
  if (mayWait.get(store) !== true) return []
  const nids = store.all<{ nid: number }>('SELECT nid FROM pending_redactions WHERE target = ? ORDER BY nid', target).map(({ nid }) => nid)
  if (nids.length > 0) store.run('DELETE FROM pending_redactions WHERE target = ?', target)
  return nids
}
