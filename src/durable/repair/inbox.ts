import { nowMs } from '../../runtime/clock.ts'
import type { DueResult, DueTable } from '../../storage/due-table.ts'
import type { ObjectStore } from '../../storage/object-store.ts'
import { deleteKept, insertKept, type KeptPdu, readKept, trimKept } from '../../storage/repair/inbox.ts'

const KIND = 'inbox'
/** PDUs kept for a room, of one server. */
const MAX_KEPT_PER_ORIGIN = 500
/** PDUs kept for a room, of all servers. */
const MAX_KEPT = 5_000
/** PDUs given to the room at a time. */
const PDUS_PER_DELIVERY = 50
/** The pause after the first delivery that failed; doubled with each that follows. */
const RETRY_MS = 1_000
/** The longest pause. */
const RETRY_MAX_MS = 60_000

/** Gives PDUs to the room. `later`: it cannot take them now. */
export type DeliverKept = (origin: string, pdus: readonly KeptPdu[]) => Promise<'taken' | 'later'>

/**
 * PDUs that a room could not take while the transaction that brought them could wait: it is being joined, busy, or their signatures need keys that are slow
 * to come. Durable once kept, so that the transaction can be answered and other rooms do not wait. In order per server; bounded, and where the bound is met the
 * oldest go, because newer ones lead to them: a room that is broken for good must not hold up the others either.
 */
export class Inbox {
  readonly #store: ObjectStore
  readonly #due: DueTable
  readonly #deliver: DeliverKept
  /** Deliveries that failed in a row, by server. */
  readonly #failures = new Map<string, number>()

  constructor(store: ObjectStore, due: DueTable, deliver: DeliverKept) {
    this.#store = store
    this.#due = due
    this.#deliver = deliver
    due.handle(KIND, (origin) => this.#run(origin))
  }

  /** Keeps PDUs; durable when the object answers. */
  async keep(origin: string, pdus: readonly KeptPdu[]): Promise<void> {
    this.#store.migrate()
    this.#store.transaction(undefined, () => {
      insertKept(this.#store, origin, pdus)
      trimKept(this.#store, origin, MAX_KEPT_PER_ORIGIN, MAX_KEPT)
      this.#due.ensure(KIND, origin, nowMs() + RETRY_MS)
    })
    await this.#due.arm()
  }

  async #run(origin: string): Promise<DueResult> {
    for (;;) {
      const { pdus, lastId } = readKept(this.#store, origin, PDUS_PER_DELIVERY)
      if (pdus.length === 0) return 'done'
      if ((await this.#deliver(origin, pdus)) === 'later') {
        const failures = this.#failures.get(origin) ?? 0
        this.#failures.set(origin, failures + 1)
        return { again: nowMs() + Math.min(RETRY_MS * 2 ** failures, RETRY_MAX_MS) }
      }
      this.#failures.delete(origin)
      this.#store.transaction(undefined, () => deleteKept(this.#store, origin, lastId))
    }
  }
}
