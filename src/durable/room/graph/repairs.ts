import { log } from '../../../runtime/log.ts'
import { countCost } from '../../../runtime/metrics.ts'
import { letOthersRun } from '../../../runtime/turns.ts'
import type { DueResult } from '../../../storage/due-table.ts'
import { readStagedHeads } from '../../../storage/room/staging.ts'
import type { RoomCore } from '../room-core.ts'
import { MAX_STAGED_LOOKED_AT } from './limits.ts'
import type { ResolutionWork } from './resolution-work.ts'

/** `due` kind of the work of having missing events fetched. */
export const REPAIR_DUE = 'repair'
/** When the alarm looks whether they were; the first attempt does not wait for it. */
export const REPAIR_RETRY_MS = 20_000
/** When it looks again after that: the object that fetches has an alarm of its own by then. */
const REPAIR_WATCH_MS = 10 * 60_000
/** Turns in which staged PDUs are tried again before whoever sent them is answered all the same. */
const MAX_AWAITED_TURNS = 40

/** The object that fetches what rooms miss, as a room sees it. */
export interface RepairWaker {
  /** `origins`: the servers whose events wait. */
  wake(origins: readonly string[]): Promise<unknown>
}

/**
 * Has missing events fetched and large states resolved after the commit that found them missing. The `due` row of that commit makes the alarm repeat what a
 * crash cut off.
 */
export class Repairs {
  readonly #core: RoomCore
  readonly #repair: () => RepairWaker
  readonly #resolutions: ResolutionWork
  readonly #origins = new Set<string>()
  #unresolved = false
  #ready = false
  #retrying: Promise<unknown> | undefined
  readonly #retry: () => Promise<unknown>

  /** @param retry tries staged events again, in a commit of its own. */
  constructor(core: RoomCore, repair: () => RepairWaker, resolutions: ResolutionWork, retry: () => Promise<unknown>) {
    this.#core = core
    this.#retry = retry
    this.#repair = repair
    this.#resolutions = resolutions
  }

  /** The commit under way leaves something missing for events that a server sent. */
  plan(origin: string): void {
    this.#origins.add(origin)
  }

  /** The commit under way leaves something unresolved. */
  planResolution(): void {
    this.#unresolved = true
  }

  /** The commit under way leaves staged events that have what they waited for: there are too many for one. */
  planRetry(): void {
    this.#ready = true
  }

  /** The commit has succeeded. */
  committed(): void {
    const { ctx, due } = this.#core
    if (this.#origins.size === 0 && !this.#unresolved && !this.#ready) return
    ctx.waitUntil(due.arm())
    const isReady = this.#ready
    this.#ready = false
    if (isReady) ctx.waitUntil(this.#retryInNextTurn())
    if (this.#origins.size > 0) ctx.waitUntil(this.#wake([...this.#origins]))
    if (this.#unresolved) ctx.waitUntil(this.#resolutions.run())
    this.#origins.clear()
    this.#unresolved = false
  }

  /** Answers when nothing is staged any more that has what it waited for; bounded. */
  async retried(): Promise<void> {
    for (let turns = 0; turns < MAX_AWAITED_TURNS && this.#retrying !== undefined; turns += 1) await this.#retrying
  }

  /** Due work of kind {@link REPAIR_DUE}. */
  async run(): Promise<DueResult> {
    const { store, members } = this.#core
    // What a crash kept from being tried again.
    await this.#retry()
    const staged = readStagedHeads(store, MAX_STAGED_LOOKED_AT)
    const lacking = staged.filter(({ waits }) => waits.prev.length + waits.auth.length > 0)
    const isHeldUp = staged.some(({ waits }) => waits.prev.length + waits.auth.length + waits.groups.length === 0)
    if (isHeldUp) return { again: this.#core.nowMs() + REPAIR_RETRY_MS }
    if (lacking.length === 0 || !members.hasLocalJoined()) return 'settled'
    await this.#wake([...new Set(lacking.map(({ origin }) => origin))])
    return { again: this.#core.nowMs() + REPAIR_WATCH_MS }
  }

  /** The object does what else there is to do first. */
  #retryInNextTurn(): Promise<unknown> {
    const retrying = letOthersRun()
      .then(() => this.#retry())
      .finally(() => {
        if (this.#retrying === retrying) this.#retrying = undefined
      })
    this.#retrying = retrying
    return retrying
  }

  async #wake(origins: readonly string[]): Promise<void> {
    countCost('rpc')
    try {
      await this.#repair().wake(origins)
    } catch (cause) {
      log.warn('missing events of a room will be fetched later', cause)
    }
  }
}
