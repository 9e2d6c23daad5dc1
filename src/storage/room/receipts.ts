import type { ObjectStore } from '../object-store.ts'
import { MAX_THREAD_RECEIPTS_PER_USER } from './limits.ts'

/** Read receipts: public, private (only for their owner), per thread (`''` for the unthreaded one). */
export interface Receipt {
  readonly userId: string
  readonly kind: 'm.read' | 'm.read.private'
  /** `''`: unthreaded; otherwise `main` or a thread root's event ID. */
  readonly thread: string
  readonly eventId: string
  readonly ts: number
  readonly pos: number
}

interface ReceiptRow extends Record<string, SqlStorageValue> {
  user_id: string
  kind: string
  thread: string
  event_id: string
  ts: number
  pos: number
}

/** Stores receipts, replacing older ones of the same user, kind and thread. The caller holds the transaction. */
export function writeReceipts(store: ObjectStore, receipts: Iterable<Receipt>): void {
  for (const receipt of receipts) {
    store.run(
      'INSERT OR REPLACE INTO receipts (user_id, kind, thread, event_id, ts, pos) VALUES (?, ?, ?, ?, ?, ?)',
      receipt.userId,
      receipt.kind,
      receipt.thread,
      receipt.eventId,
      receipt.ts,
      receipt.pos,
    )
  }
}

/** Forgets a user's oldest receipts of threads. The caller holds the transaction. */
export function pruneReceipts(store: ObjectStore, userId: string): void {
  store.run(
    `DELETE FROM receipts WHERE user_id = ?1 AND thread <> '' AND pos <=
     (SELECT pos FROM receipts WHERE user_id = ?1 AND thread <> '' ORDER BY pos DESC LIMIT 1 OFFSET ?2)`,
    userId,
    MAX_THREAD_RECEIPTS_PER_USER,
  )
}

/** Stored receipts that a reader may see with `afterPos < pos ≤ toPos`, newest first, at most `limit`. */
export function readReceipts(store: ObjectStore, readerId: string, afterPos: number, toPos: number, limit: number): Receipt[] {
  return store
    .all<ReceiptRow>(
      "SELECT * FROM receipts WHERE pos > ? AND pos <= ? AND (kind = 'm.read' OR user_id = ?) ORDER BY pos DESC LIMIT ?",
      afterPos,
      toPos,
      readerId,
      limit,
    )
    .map(decode)
}

/** Position of the newest stored receipt; 0 without any. */
export function newestReceiptPos(store: ObjectStore): number {
  return store.first<{ pos: number | null }>('SELECT max(pos) AS pos FROM receipts')?.pos ?? 0
}

/** Stored receipts of one user above a position; per kind and thread there is one. */
export function readReceiptsOf(store: ObjectStore, userId: string, afterPos: number): Receipt[] {
  return store.all<ReceiptRow>('SELECT * FROM receipts WHERE user_id = ? AND pos > ?', userId, afterPos).map(decode)
}

/** The stored receipt of a user, kind and thread. */
export function findReceipt(store: ObjectStore, userId: string, kind: Receipt['kind'], thread: string): Receipt | undefined {
  const row = store.first<ReceiptRow>('SELECT * FROM receipts WHERE user_id = ? AND kind = ? AND thread = ?', userId, kind, thread)
  return row === undefined ? undefined : decode(row)
}

function decode(row: ReceiptRow): Receipt {
  return {
    userId: row.user_id,
    kind: row.kind === 'm.read' ? 'm.read' : 'm.read.private',
    thread: row.thread,
    eventId: row.event_id,
    ts: row.ts,
    pos: row.pos,
  }
}
