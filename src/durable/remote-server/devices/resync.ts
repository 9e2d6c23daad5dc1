import { OutboundError } from '../../../federation/outbound/outbound-error.ts'
import { log } from '../../../runtime/log.ts'
import type { DueResult } from '../../../storage/due-table.ts'
import { staleUsers, type TrackedUser, writeTracked } from '../../../storage/remote-server/tracked-users.ts'
import { type FetchedKeys, fetchDevices } from './key-fetch.ts'
import { FIRST_RESYNC_PAUSE_MS, LONGEST_RESYNC_PAUSE_MS, MAX_RESYNCS, RESYNCS_PER_RUN } from './limits.ts'
import type { DeviceParts } from './parts.ts'
import type { TrackedLists } from './tracked-lists.ts'

/** `due` kind of fetching lists that lack changes. */
const RESYNC_DUE = 'resync'
/** Part of a pause that is left to chance. */
const JITTER = 0.25

/**
 * Fetches lists that lack changes: one at a time, each less and less often, in the end only when somebody asks (SECURITY D3). A server that has its users' devices
 * change all the time costs no more than that.
 */
export class Resync {
  readonly #parts: DeviceParts
  readonly #tracked: TrackedLists
  #running: Promise<DueResult> | undefined
  /** The user whose list is being fetched, and whether there were changes meanwhile. */
  #current: string | undefined
  #isTouched = false

  constructor(parts: DeviceParts, tracked: TrackedLists) {
    this.#parts = parts
    this.#tracked = tracked
    parts.due.handle(RESYNC_DUE, () => this.#run())
  }

  /** There are changes of a user. */
  touched(userId: string): void {
    if (userId === this.#current) this.#isTouched = true
  }

  /** Plans the work. The caller holds the transaction. */
  plan(): void {
    this.#parts.due.ensure(RESYNC_DUE, '', this.#parts.now() + FIRST_RESYNC_PAUSE_MS)
  }

  /** Begins now, without waiting; what is not due yet is left to the alarm. */
  begin(): void {
    this.#parts.waitUntil(this.#parts.due.arm())
    this.#parts.waitUntil(this.#run().catch((cause: unknown) => log.warn('device lists could not be fetched', cause)))
  }

  #run(): Promise<DueResult> {
    this.#running ??= this.#all().finally(() => {
      this.#running = undefined
    })
    return this.#running
  }

  async #all(): Promise<DueResult> {
    const { store, now } = this.#parts
    for (let count = 0; count < RESYNCS_PER_RUN; count += 1) {
      const [next] = staleUsers(store, 1)
      if (next === undefined) return 'settled'
      if (next.resyncTs > now()) return { again: next.resyncTs }
      await this.#one(next)
    }
    return { again: now() + FIRST_RESYNC_PAUSE_MS }
  }

  async #one(user: TrackedUser): Promise<void> {
    const { store } = this.#parts
    this.#current = user.userId
    this.#isTouched = false
    let keys: FetchedKeys | undefined
    try {
      keys = await fetchDevices(this.#parts, user.userId)
    } catch (cause) {
      if (!(cause instanceof OutboundError)) throw cause
      log.debug(`${this.#parts.serverName} did not answer about the devices of a user: ${cause.message}`)
    } finally {
      this.#current = undefined
    }
    store.transaction(undefined, () => {
      const before = this.#tracked.find(user.userId) ?? user
      if (keys !== undefined) this.#tracked.replace(user.userId, keys, before.witness, this.#isTouched)
      const resyncs = before.resyncs + 1
      const after = this.#tracked.find(user.userId) ?? before
      writeTracked(store, { ...after, resyncs, resyncTs: this.#next(resyncs) })
    })
  }

  /** When a list that was fetched so many times in a row may be fetched again. */
  #next(resyncs: number): number {
    const { now, fraction } = this.#parts
    if (resyncs >= MAX_RESYNCS) return now() + 24 * LONGEST_RESYNC_PAUSE_MS
    const full = Math.min(LONGEST_RESYNC_PAUSE_MS, FIRST_RESYNC_PAUSE_MS * 2 ** (resyncs - 1))
    return Math.round(now() + full * (1 - JITTER * fraction()))
  }
}
