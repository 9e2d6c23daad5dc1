import { log } from '../../runtime/log.ts'
import { MAX_REMEMBERED_ANSWER_BYTES, MAX_TXN_ID_CHARS } from '../../storage/remote-server/limits.ts'
import { findAnswer, rememberAnswer } from '../../storage/remote-server/received-transactions.ts'
import { PROCESSING_LEASE_MS } from './limits.ts'
import { type RemoteServerParts, ready } from './parts.ts'

/** What to do about a transaction that the other server sends: process it, repeat the answer, or let it come again later. */
export type Reception =
  | { readonly kind: 'process' }
  | { readonly kind: 'answered'; readonly response: string }
  | { readonly kind: 'under-way' }

/** Transactions that come in: each is processed once, however often it is sent (server-server-api#transactions). */
export class Received {
  readonly #parts: RemoteServerParts
  /** When the processing of transactions began that have not been answered. */
  readonly #underWay = new Map<string, number>()

  constructor(parts: RemoteServerParts) {
    this.#parts = parts
  }

  /** A transaction has come. */
  begin(txnId: string): Reception {
    if (txnId.length > MAX_TXN_ID_CHARS) return { kind: 'process' }
    const response = this.#parts.store.exists() ? findAnswer(this.#parts.store, txnId) : undefined
    if (response !== undefined) return { kind: 'answered', response }
    const now = this.#parts.now()
    for (const [other, since] of this.#underWay) if (now - since >= PROCESSING_LEASE_MS) this.#underWay.delete(other)
    if (this.#underWay.has(txnId)) return { kind: 'under-way' }
    this.#underWay.set(txnId, now)
    return { kind: 'process' }
  }

  /** A transaction has been processed: from now on this is its answer. @param response JSON text. */
  finish(txnId: string, response: string): void {
    this.#underWay.delete(txnId)
    if (txnId.length > MAX_TXN_ID_CHARS) return
    if (response.length > MAX_REMEMBERED_ANSWER_BYTES) {
      log.warn(`an answer of ${response.length} characters to a transaction is not remembered`)
      return
    }
    const store = ready(this.#parts)
    store.transaction(undefined, () => rememberAnswer(store, txnId, response, this.#parts.now()))
  }

  /** Processing has failed: the transaction may come again. */
  abandon(txnId: string): void {
    this.#underWay.delete(txnId)
  }
}
