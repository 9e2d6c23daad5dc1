import { DurableObject } from 'cloudflare:workers'
import type { Env } from '../../runtime/bindings.ts'
import { nowMs } from '../../runtime/clock.ts'
import { log } from '../../runtime/log.ts'
import { countCost } from '../../runtime/metrics.ts'
import type { Outcome } from '../../runtime/outcome.ts'
import { DUE_RETRY_MS, type DueResult, DueTable } from '../../storage/due-table.ts'
import { ObjectStore } from '../../storage/object-store.ts'
import { readFailures, writeFailures } from '../../storage/repair/attempts.ts'
import { REPAIR_BASELINE } from '../../storage/repair/baseline.generated.ts'
import type { KeptPdu } from '../../storage/repair/inbox.ts'
import { REPAIR_MIGRATIONS } from '../../storage/repair/migrations.generated.ts'
import { Completion } from './completion.ts'
import { Inbox } from './inbox.ts'
import { type JoinJob, JoinJobs, type JoinResult } from './join-jobs.ts'
import {
  ATTACH_RETRY_MAX_MS,
  ATTACH_RETRY_MS,
  ATTACH_WAKE_PAUSE_MS,
  FLIGHT_WATCH_MS,
  MAX_ATTACH_FAILURES,
  MAX_REMEMBERED_ORIGINS,
} from './limits.ts'

/** What fetching for a room came to. `attached`: nothing is missing. `stuck`: some is, and nobody who was asked had it. */
export type AttachResult = 'attached' | 'stuck'

/** One attempt at completing what a server sent. */
export interface AttachAttempt {
  /** The server that sent the staged events. */
  readonly origin: string
  /** Attempts that failed before it. */
  readonly failures: number
  /** What cannot be completed now is given up. */
  readonly lastAttempt: boolean
}

/** What became of a gap. */
export type GapResult = 'filled' | 'failed'

const ATTACH = 'attach'

/**
 * Fetches what one room misses, named by its room ID: what staged events refer to, and history. It is where other servers are waited for and what they send is
 * verified, so that the room itself never does either. One flight per server whose events wait. The truth about what is missing is the room's; this object only knows how often
 * it has failed, so that ending it at any instant loses nothing.
 */
export abstract class RepairObject extends DurableObject<Env> {
  protected readonly roomId: string
  readonly #store: ObjectStore
  readonly #due: DueTable
  readonly #inbox: Inbox
  readonly #joins: JoinJobs
  readonly #completion: Completion
  readonly #gaps = new Map<number, Promise<GapResult>>()
  /** Flights by the server whose events are completed: one that is slow or lies holds up nobody else's. */
  readonly #flights = new Map<string, { work: Promise<void>; again: boolean }>()
  /** When flights ended that failed. */
  readonly #failedAtMs = new Map<string, number>()

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env)
    countCost('construct')
    this.roomId = ctx.id.name ?? ''
    this.#store = new ObjectStore(ctx.storage, REPAIR_MIGRATIONS, REPAIR_BASELINE)
    this.#due = new DueTable(this.#store, ctx.storage)
    this.#joins = new JoinJobs(this.#store, this.#due, (job, isResumed) => this.runJoin(job, isResumed))
    this.#inbox = new Inbox(this.#store, this.#due, (origin, pdus) => this.deliver(origin, pdus))
    this.#completion = new Completion(this.#store, this.#due, (failures) => this.completeState(failures))
    this.#due.handle(ATTACH, (origin) => this.#attachAside(origin))
  }

  /** Completes staged events that a server sent. */
  protected abstract attach(attempt: AttachAttempt): Promise<AttachResult>

  /** Gives the room PDUs that it could not take in time. */
  protected abstract deliver(origin: string, pdus: readonly KeptPdu[]): Promise<'taken' | 'later'>

  /** Fetches history right below a place. */
  protected abstract fill(ord: number): Promise<GapResult>

  /** Joins the room through a server that has said that it would let the user in. */
  protected abstract runJoin(job: JoinJob, isResumed: boolean): Promise<Outcome<JoinResult>>

  /** Completes a room that was joined without its members. */
  protected abstract completeState(failures: number): Promise<'complete' | 'stuck'>

  /** Has the room's state completed. Answers at once: it goes on by itself. */
  complete(): void {
    this.ctx.waitUntil(this.#completion.wake())
  }

  /** Joins the room, also when whoever asks for it does not wait for the end. */
  join(job: JoinJob): Promise<Outcome<JoinResult>> {
    const joined = this.#joins.join(job)
    this.ctx.waitUntil(Promise.all([joined, this.#due.arm()]))
    return joined
  }

  /** What some servers sent lacks something. Nothing is stored here for it: the room has a row of its own, and comes back. */
  wake(origins: readonly string[]): void {
    for (const origin of origins) {
      const flight = this.#flights.get(origin)
      if (flight !== undefined) flight.again = true
      else if (nowMs() - (this.#failedAtMs.get(origin) ?? Number.NEGATIVE_INFINITY) >= ATTACH_WAKE_PAUSE_MS) {
        this.ctx.waitUntil(this.#attach(origin).then(() => this.#due.arm()))
      }
    }
  }

  /** Keeps PDUs that the room cannot take now. Durable when it answers. */
  keep(origin: string, pdus: readonly KeptPdu[]): Promise<void> {
    return this.#inbox.keep(origin, pdus)
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

  /** Starts a flight, which must not hold up other work of the alarm; the row stays until it has ended. */
  #attachAside(origin: string): Promise<DueResult> {
    this.ctx.waitUntil(this.#attach(origin).then(() => this.#due.arm()))
    return Promise.resolve({ again: nowMs() + FLIGHT_WATCH_MS })
  }

  #attach(origin: string): Promise<void> {
    const known = this.#flights.get(origin)
    if (known !== undefined) return known.work
    const flight = { work: Promise.resolve(), again: false }
    this.#flights.set(origin, flight)
    flight.work = this.#attachAll(origin, flight).finally(() => this.#flights.delete(origin))
    return flight.work
  }

  async #attachAll(origin: string, flight: { again: boolean }): Promise<void> {
    const failures = readFailures(this.#store, ATTACH, origin)
    let result: AttachResult
    do {
      flight.again = false
      result = await this.#attempt({ origin, failures, lastAttempt: failures >= MAX_ATTACH_FAILURES })
    } while (flight.again)
    if (result === 'stuck') return this.#pause(origin, failures + 1)
    this.#failedAtMs.delete(origin)
    if (failures === 0) return
    this.#store.transaction(undefined, () => {
      writeFailures(this.#store, ATTACH, origin, 0)
      this.#due.clear(ATTACH, origin)
    })
  }

  async #attempt(attempt: AttachAttempt): Promise<AttachResult> {
    try {
      return await this.attach(attempt)
    } catch (cause) {
      log.warn('missing events could not be fetched', cause)
      return 'stuck'
    }
  }

  #pause(origin: string, failures: number): void {
    const now = nowMs()
    const again = now + Math.min(ATTACH_RETRY_MS * 2 ** (failures - 1), ATTACH_RETRY_MAX_MS)
    if (this.#failedAtMs.size >= MAX_REMEMBERED_ORIGINS) this.#failedAtMs.clear()
    this.#failedAtMs.set(origin, now)
    this.#store.migrate()
    this.#store.transaction(undefined, () => {
      writeFailures(this.#store, ATTACH, origin, failures)
      this.#due.ensure(ATTACH, origin, again)
    })
  }
}
