import { nowMs } from '../../runtime/clock.ts'
import { log } from '../../runtime/log.ts'
import type { DueResult, DueTable } from '../../storage/due-table.ts'
import type { ObjectStore } from '../../storage/object-store.ts'
import { readFailures, writeFailures } from '../../storage/repair/attempts.ts'
import { ATTACH_RETRY_MAX_MS, ATTACH_RETRY_MS, COMPLETION_RESUME_MS } from './limits.ts'

/** Fetches what the states of the room lack, and has them completed; `failures`: how often that has failed. */
export type RunCompletion = (failures: number) => Promise<'complete' | 'stuck'>

const KIND = 'complete'

/**
 * Completing a room that was joined without its members. Durable before it begins, so that it goes on after a crash; the truth about what is missing is the
 * room's. One flight.
 */
export class Completion {
  readonly #store: ObjectStore
  readonly #due: DueTable
  readonly #run: RunCompletion
  #flight: Promise<void> | undefined
  /** No attempt is made before. */
  #pausedUntilMs = 0

  constructor(store: ObjectStore, due: DueTable, run: RunCompletion) {
    this.#store = store
    this.#due = due
    this.#run = run
    due.handle(KIND, () => this.#resume())
  }

  /** Begins, unless it is under way or paused. Answers when it has ended or paused. */
  wake(): Promise<void> {
    if (this.#flight === undefined && nowMs() < this.#pausedUntilMs) return Promise.resolve()
    this.#flight ??= this.#fly().finally(() => {
      this.#flight = undefined
    })
    return this.#flight
  }

  /** Deferred work: it is still to be done, or was cut off. */
  #resume(): Promise<DueResult> {
    if (this.#flight === undefined) this.#pausedUntilMs = 0
    // Not waited for: it must not hold up other work of the alarm.
    this.wake().catch((cause: unknown) => log.warn('a room could not be completed', cause))
    return Promise.resolve({ again: nowMs() + Math.max(COMPLETION_RESUME_MS, this.#pausedUntilMs - nowMs()) })
  }

  async #fly(): Promise<void> {
    this.#store.migrate()
    this.#store.transaction(undefined, () => this.#due.ensure(KIND, '', nowMs() + COMPLETION_RESUME_MS))
    await this.#due.arm()
    const failures = readFailures(this.#store, KIND, '')
    const result = await this.#attempt(failures)
    this.#store.transaction(undefined, () => {
      // What is planned anew must not be earlier than what is written here.
      this.#due.clear(KIND, '')
      writeFailures(this.#store, KIND, '', result === 'complete' ? 0 : failures + 1)
      if (result === 'complete') return
      this.#pausedUntilMs = nowMs() + Math.min(ATTACH_RETRY_MS * 2 ** failures, ATTACH_RETRY_MAX_MS)
      this.#due.ensure(KIND, '', this.#pausedUntilMs)
    })
    await this.#due.arm()
  }

  async #attempt(failures: number): Promise<'complete' | 'stuck'> {
    try {
      return await this.#run(failures)
    } catch (cause) {
      log.warn('the state of a room could not be completed', cause)
      return 'stuck'
    }
  }
}
