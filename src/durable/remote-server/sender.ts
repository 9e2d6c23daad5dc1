import { OutboundError, RemoteRefusal } from '../../federation/outbound/outbound-error.ts'
import { whileOutgoing } from '../../runtime/draining.ts'
import { log } from '../../runtime/log.ts'
import type { DueResult } from '../../storage/due-table.ts'
import { type DestinationState, readDestination, writeDestination } from '../../storage/remote-server/destination.ts'
import type { InFlight } from '../../storage/remote-server/in-flight.ts'
import { pauseMs } from './back-off.ts'
import { CATCH_UP_AFTER_MS, MAX_TRANSACTIONS_PER_RUN, WAKE_PAUSE_MS } from './limits.ts'
import { type Outbox, SEND_DUE } from './outbox.ts'
import { type RemoteServerParts, ready } from './parts.ts'

/**
 * Statuses by which a server says that this very transaction will never do. Trying again would hold up everything behind it for ever; what it
 * held is lost, as with other servers.
 */
const HOPELESS: readonly number[] = [400, 413, 415, 422]

/** Sends what the outbox holds, one transaction at a time, and leaves a server alone that does not answer. */
export class Sender {
  readonly #parts: RemoteServerParts
  readonly #outbox: Outbox
  #running: Promise<DueResult> | undefined
  #again = false
  /** Set by a long outage, until there is nothing left to send. */
  #catchingUp = false
  #wokenAtMs = Number.NEGATIVE_INFINITY

  constructor(parts: RemoteServerParts, outbox: Outbox) {
    this.#parts = parts
    this.#outbox = outbox
  }

  /** Sends until there is nothing left or the server fails. At most one run is under way. Answers when to go on. */
  run(): Promise<DueResult> {
    if (this.#running !== undefined) {
      this.#again = true
      return this.#running
    }
    this.#running = whileOutgoing(this.#runAll())
    return this.#running
  }

  /** The server has been in contact: a good moment to try again, however long the pause was to be. Answers whether to {@link run}. */
  wake(): boolean {
    if (!this.#parts.store.exists()) return false
    const { now, store, serverName } = this.#parts
    const state = readDestination(store)
    const at = now()
    if (state.retryTs === undefined || state.retryTs <= at || at - this.#wokenAtMs < WAKE_PAUSE_MS) return false
    this.#wokenAtMs = at
    store.transaction(undefined, () => writeDestination(store, serverName, { ...state, retryTs: at }))
    return true
  }

  async #runAll(): Promise<DueResult> {
    try {
      for (;;) {
        this.#again = false
        const result = await this.#runOnce()
        // Whoever asked while the run was ending must not have to wait for the alarm.
        if (!this.#again || typeof result === 'object') return result
      }
    } finally {
      this.#running = undefined
    }
  }

  async #runOnce(): Promise<DueResult> {
    const { now } = this.#parts
    for (let sent = 0; sent < MAX_TRANSACTIONS_PER_RUN; sent += 1) {
      const state = readDestination(ready(this.#parts))
      if (state.retryTs !== undefined && state.retryTs > now()) return this.#pause(state.retryTs)
      this.#catchingUp ||= state.failingSinceTs !== undefined && now() - state.failingSinceTs >= CATCH_UP_AFTER_MS
      const next = await this.#outbox.next(this.#catchingUp)
      if (next.kind === 'nothing') {
        this.#catchingUp = false
        return next.retryRoomsAt === undefined ? 'settled' : { again: next.retryRoomsAt }
      }
      const failure = await this.#attempt(next.inFlight)
      if (failure === undefined) this.#succeeded(next.inFlight, state)
      else if (failure instanceof RemoteRefusal && HOPELESS.includes(failure.status)) this.#refused(next.inFlight, state, failure)
      else return this.#pause(this.#failed(state, failure))
    }
    return { again: now() }
  }

  async #attempt({ txnId, body }: InFlight): Promise<OutboundError | undefined> {
    try {
      await this.#parts.send(txnId, body)
      return undefined
    } catch (cause) {
      if (cause instanceof OutboundError) return cause
      throw cause
    }
  }

  #succeeded(inFlight: InFlight, before: DestinationState): void {
    const { store, serverName, now } = this.#parts
    store.transaction(undefined, () => {
      this.#outbox.acknowledge(inFlight)
      // A success after another one says nothing new: no row.
      if (before.failures === 0) return
      writeDestination(store, serverName, { failures: 0, failingSinceTs: undefined, retryTs: undefined, lastSuccessTs: now() })
    })
  }

  #refused(inFlight: InFlight, before: DestinationState, refusal: RemoteRefusal): void {
    const { serverName } = this.#parts
    log.warn(`${serverName} refused a transaction of ${inFlight.pdus} events for good: ${refusal.status} ${refusal.errcode ?? ''}`)
    this.#succeeded(inFlight, before)
  }

  #failed(before: DestinationState, failure: OutboundError): number {
    const { store, serverName, now, fraction } = this.#parts
    const failures = before.failures + 1
    const retryTs = now() + pauseMs(failures, fraction())
    log.debug(`${serverName} cannot be sent to (${failures}): ${failure.failure}, ${failure.message}`)
    store.transaction(undefined, () =>
      writeDestination(store, serverName, { ...before, failures, retryTs, failingSinceTs: before.failingSinceTs ?? now() }),
    )
    return retryTs
  }

  #pause(retryTs: number): DueResult {
    this.#outbox.forgetFleeting()
    const { store, due } = this.#parts
    store.transaction(undefined, () => due.ensure(SEND_DUE, '', retryTs))
    return { again: retryTs }
  }
}
