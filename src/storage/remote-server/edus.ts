import type { ObjectStore } from '../object-store.ts'
import { MAX_WAITING_EDUS } from './limits.ts'

/** An EDU that must arrive. */
export interface WaitingEdu {
  readonly id: number
  /** Canonical JSON of the whole EDU. */
  readonly body: string
}

/**
 * Adds an EDU. One with a key takes the place of the one that waits under the same type and key, in the queue as well: what came after that one may rest
 * on it. The caller holds the transaction.
 * @param body canonical JSON of the whole EDU.
 */
export function insertEdu(store: ObjectStore, type: string, key: string | undefined, body: string): void {
  store.run(
    `INSERT INTO edus (type, key, body) VALUES (?, ?, ?)
     ON CONFLICT (type, key) WHERE key IS NOT NULL DO UPDATE SET body = excluded.body`,
    type,
    key ?? null,
    body,
  )
}

/** Gives up the oldest receipts, then the oldest EDUs without a key, beyond the bound; answers how many. The caller holds the transaction. */
export function pruneEdus(store: ObjectStore): number {
  const waiting = store.first<{ n: number }>('SELECT count(*) AS n FROM edus')?.n ?? 0
  const excess = waiting - MAX_WAITING_EDUS
  if (excess <= 0) return 0
  store.run(
    `DELETE FROM edus WHERE id IN
       (SELECT id FROM edus WHERE key IS NULL OR type = 'm.receipt' ORDER BY type = 'm.receipt' DESC, id LIMIT ?)`,
    excess,
  )
  return excess
}

/** The EDUs that have waited longest. */
export function readEdus(store: ObjectStore, limit: number): WaitingEdu[] {
  return store.all<{ id: number; body: string }>('SELECT id, body FROM edus ORDER BY id LIMIT ?', limit)
}

/** Removes EDUs that are in a transaction now. The caller holds the transaction. */
export function deleteEdus(store: ObjectStore, ids: readonly number[]): void {
  if (ids.length > 0) store.run('DELETE FROM edus WHERE id IN (SELECT value FROM json_each(?))', JSON.stringify(ids))
}
