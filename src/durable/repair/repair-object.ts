import { DurableObject } from 'cloudflare:workers'
import type { Env } from '../../runtime/bindings.ts'
import { nowMs } from '../../runtime/clock.ts'
import { log } from '../../runtime/log.ts'
import { countCost } from '../../runtime/metrics.ts'
import { type DueResult, DueTable } from '../../storage/due-table.ts'
import { ObjectStore } from '../../storage/object-store.ts'
import { readFailures, writeFailures } from '../../storage/repair/attempts.ts'
import { REPAIR_MIGRATIONS } from '../../storage/repair/migrations.generated.ts'
import { ATTACH_RETRY_MAX_MS, ATTACH_RETRY_MS, ATTACH_WAKE_PAUSE_MS, DUE_RETRY_MS, MAX_ATTACH_FAILURES } from './limits.ts'

/** What fetching for a room came to. `attached`: nothing is missing. `stuck`: some is, and nobody who was asked had it. */
export type AttachResult = 'attached' | 'stuck'

/** What became of a gap. */
export type GapResult = 'filled' | 'failed'

const ATTACH = 'attach'

/**
 * Fetches what one room misses, named by its room ID: what staged events refer to, and history. It is where other servers are waited for and what they send is
 * verified, so that the room itself never does either. One flight per room. The truth about what is missing is the room's; this object only knows how often
 * it has failed, so that ending it at any instant loses nothing.
 */
export abstract class RepairObject extends DurableObject<Env> {
  protected readonly roomId: string
  readonly #store: ObjectStore
  readonly #due: DueTable
  readonly #gaps = new Map<number, Promise<GapResult>>()
  #attaching: Promise<DueResult> | undefined
  #again = false
  #endedAtMs = Number.NEGATIVE_INFINITY

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env)
    countCost('construct')
    this.roomId = ctx.id.name ?? ''
    this.#store = new ObjectStore(ctx.storage, REPAIR_MIGRATIONS)
    this.#due = new DueTable(this.#store, ctx.storage)
    this.#due.handle(ATTACH, () => this.#attach())
  }

  /** Completes staged events. `lastAttempt`: what cannot be completed now is given up. */
  protected abstract attach(attempt: { readonly failures: number; readonly lastAttempt: boolean }): Promise<AttachResult>

  /** Fetches history right below a place. */
  protected abstract fill(ord: number): Promise<GapResult>

  /** Something is missing in the room. Nothing is stored here for it: the room has a row of its own, and comes back. */
  wake(): void {
    if (this.#attaching !== undefined) {
      this.#again = true
      return
    }
    if (readFailures(this.#store, ATTACH, '') > 0 && nowMs() - this.#endedAtMs < ATTACH_WAKE_PAUSE_MS) return
    this.ctx.waitUntil(this.#attach().then(() => this.#due.arm()))
  }

  /** Fetches history below a place; the same for everybody who asks meanwhile. */
  fillGap(ord: number): Promise<GapResult> {
    const known = this.#gaps.get(ord)
    if (known !== undefined) return known
    const flight = this.fill(ord).finally(() => this.#gaps.delete(ord))
    this.#gaps.set(ord, flight)
    return flight
  }

  /** Deferred work: attempts after a pause. */
  override async alarm(): Promise<void> {
    if (!this.#store.exists()) return
    await this.#due.run(nowMs(), (kind, cause) => {
      log.warn(`deferred work for a room failed: ${kind}`, cause)
      return nowMs() + DUE_RETRY_MS
    })
  }

  /** Ends this life of the object, as a crash would. Reached only through the control routes and tests. */
  abortForTest(): void {
    this.ctx.abort('ended by a test')
  }

  #attach(): Promise<DueResult> {
    this.#attaching ??= this.#attachAll().finally(() => {
      this.#attaching = undefined
      this.#endedAtMs = nowMs()
    })
    return this.#attaching
  }

  async #attachAll(): Promise<DueResult> {
    const failures = readFailures(this.#store, ATTACH, '')
    let result: AttachResult
    do {
      this.#again = false
      result = await this.#attempt(failures)
    } while (this.#again)
    if (result === 'attached') {
      if (failures > 0) this.#store.transaction(undefined, () => writeFailures(this.#store, ATTACH, '', 0))
      return 'done'
    }
    return this.#pause(failures + 1)
  }

  async #attempt(failures: number): Promise<AttachResult> {
    try {
      return await this.attach({ failures, lastAttempt: failures >= MAX_ATTACH_FAILURES })
    } catch (cause) {
      log.warn('missing events could not be fetched', cause)
      return 'stuck'
    }
  }

  #pause(failures: number): DueResult {
    const again = nowMs() + Math.min(ATTACH_RETRY_MS * 2 ** (failures - 1), ATTACH_RETRY_MAX_MS)
    this.#store.migrate()
    this.#store.transaction(undefined, () => {
      writeFailures(this.#store, ATTACH, '', failures)
      this.#due.ensure(ATTACH, '', again)
    })
    return { again }
  }
}
