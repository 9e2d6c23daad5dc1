import type { ObjectStore } from '../object-store.ts'
import { MAX_REMEMBERED_TRANSACTIONS } from './limits.ts'

/** How a transaction of the other server was answered, as JSON text; `undefined` if it was not, or too long ago to be repeated. */
export function findAnswer(store: ObjectStore, txnId: string): string | undefined {
  return store.first<{ response: string }>('SELECT response FROM received_transactions WHERE txn_id = ?', txnId)?.response
}

/** Remembers an answer, the latest {@link MAX_REMEMBERED_TRANSACTIONS} of them. The caller holds the transaction. */
export function rememberAnswer(store: ObjectStore, txnId: string, response: string, nowMs: number): void {
  store.run('INSERT OR REPLACE INTO received_transactions (txn_id, response, received_ts) VALUES (?, ?, ?)', txnId, response, nowMs)
  store.run(
    'DELETE FROM received_transactions WHERE number <= (SELECT max(number) FROM received_transactions) - ?',
    MAX_REMEMBERED_TRANSACTIONS,
  )
}
