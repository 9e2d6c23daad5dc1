import type { RemoteReceipt } from './federation/remote-ephemeral.ts'

/** Receipts that wait for their events. */
const MAX_EARLY_RECEIPTS = 200

/** Receipts of other servers for events that have not come yet: kept in memory, the latest of each user and thread, the oldest forgotten (SECURITY D2). */
export class EarlyReceipts {
  readonly #waiting = new Map<string, RemoteReceipt>()

  /** Keeps a receipt. */
  add(receipt: RemoteReceipt): void {
    const key = JSON.stringify([receipt.userId, receipt.thread])
    this.#waiting.delete(key)
    this.#waiting.set(key, receipt)
    if (this.#waiting.size <= MAX_EARLY_RECEIPTS) return
    const oldest = this.#waiting.keys().next()
    if (!oldest.done) this.#waiting.delete(oldest.value)
  }

  /** Takes out the receipts for events that have come. */
  take(eventIds: Iterable<string>): RemoteReceipt[] {
    if (this.#waiting.size === 0) return []
    const come = new Set(eventIds)
    const taken = [...this.#waiting].filter(([, { eventId }]) => come.has(eventId))
    for (const [key] of taken) this.#waiting.delete(key)
    return taken.map(([, receipt]) => receipt)
  }
}
