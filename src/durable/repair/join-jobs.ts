import { limitExceeded } from '../../matrix/errors.ts'
import type { JsonObject } from '../../matrix/json.ts'
import { nowMs } from '../../runtime/clock.ts'
import { log } from '../../runtime/log.ts'
import { type Outcome, refusal } from '../../runtime/outcome.ts'
import type { DueResult, DueTable } from '../../storage/due-table.ts'
import type { ObjectStore } from '../../storage/object-store.ts'
import { readFailures, writeFailures } from '../../storage/repair/attempts.ts'
import { deleteJob, readJob, writeJob } from '../../storage/repair/jobs.ts'
import { JOIN_RESUME_MS, MAX_JOIN_RESUMPTIONS, MAX_WAITING_JOINS } from './limits.ts'

/** A join of a room through another server, which has said that it would let the user in. */
export interface JoinJob {
  readonly serverName: string
  readonly userId: string
  /** What the join says apart from the membership. */
  readonly content: JsonObject
  /** The version of the room, and the join as it is to be sent. */
  readonly version: string
  readonly pdu: JsonObject
}

/** `joined`: with the event that the job names. `here`: somebody of this server is in the room, which makes the join a local matter. */
export type JoinResult = 'joined' | 'here'

/** Does one job, and throws where it is cut off; `isResumed` says that it was cut off before, so that the event it names may be known to others or not. */
export type RunJoin = (job: JoinJob, isResumed: boolean) => Promise<Outcome<JoinResult>>

const KIND = 'join'

/**
 * Joins as work of their own: whoever asked only waits for them. A job is durable before the other server hears of the join, so that a join which that server
 * has accepted is completed here too, whatever ends meanwhile. One at a time.
 */
export class JoinJobs {
  readonly #store: ObjectStore
  readonly #due: DueTable
  readonly #run: RunJoin
  /** The newest job, behind all others. */
  #last: Promise<unknown> = Promise.resolve()
  /** Jobs under way or waiting, by user. */
  readonly #jobs = new Map<string, number>()
  #waiting = 0

  constructor(store: ObjectStore, due: DueTable, run: RunJoin) {
    this.#store = store
    this.#due = due
    this.#run = run
    due.handle(KIND, (userId) => this.#resume(userId))
  }

  /** Joins the room; the answer comes when the user is in, or what kept them out. Refused with M_LIMIT_EXCEEDED where too many wait. */
  join(job: JoinJob): Promise<Outcome<JoinResult>> {
    if (this.#waiting >= MAX_WAITING_JOINS) return Promise.resolve(refusal(limitExceeded(JOIN_RESUME_MS)))
    this.#store.migrate()
    this.#store.transaction(undefined, () => {
      writeJob(this.#store, KIND, job.userId, JSON.stringify(job))
      this.#due.ensure(KIND, job.userId, nowMs() + JOIN_RESUME_MS)
    })
    return this.#inTurn(job, false)
  }

  #inTurn(job: JoinJob, isResumed: boolean): Promise<Outcome<JoinResult>> {
    const { userId } = job
    this.#count(userId, 1)
    const flight = this.#last.then(() => this.#run(job, isResumed))
    const over = flight.then(
      (outcome) => {
        this.#count(userId, -1)
        // It came to an end, good or bad; unless the user has asked again meanwhile, nothing is left to do.
        if (!this.#jobs.has(userId)) this.#forget(userId)
        return outcome
      },
      (cause: unknown) => {
        // Cut off: the job stays, and is taken up again.
        this.#count(userId, -1)
        return refusal(cause)
      },
    )
    this.#last = over
    return over
  }

  #count(userId: string, change: 1 | -1): void {
    this.#waiting += change
    const jobs = (this.#jobs.get(userId) ?? 0) + change
    if (jobs === 0) this.#jobs.delete(userId)
    else this.#jobs.set(userId, jobs)
  }

  #forget(userId: string): void {
    this.#store.transaction(undefined, () => {
      deleteJob(this.#store, KIND, userId)
      writeFailures(this.#store, KIND, userId, 0)
      this.#due.clear(KIND, userId)
    })
  }

  /** Deferred work: a job that is still there although nobody is at it was cut off. */
  async #resume(userId: string): Promise<DueResult> {
    if (this.#jobs.has(userId)) return { again: nowMs() + JOIN_RESUME_MS }
    const body = readJob(this.#store, KIND, userId)
    if (body === undefined) return 'done'
    const resumptions = readFailures(this.#store, KIND, userId) + 1
    if (resumptions > MAX_JOIN_RESUMPTIONS) {
      this.#forget(userId)
      return 'done'
    }
    this.#store.transaction(undefined, () => {
      writeFailures(this.#store, KIND, userId, resumptions)
      this.#due.ensure(KIND, userId, nowMs() + JOIN_RESUME_MS)
    })
    const outcome = await this.#inTurn(JSON.parse(body), true)
    log.info(`a join that was cut off: ${outcome.ok ? outcome.value : outcome.error.error}`)
    return readJob(this.#store, KIND, userId) === undefined ? 'done' : { again: nowMs() + JOIN_RESUME_MS }
  }
}
