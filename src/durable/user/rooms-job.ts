import type { Errcode } from '../../matrix/errors.ts'
import { nowMs } from '../../runtime/clock.ts'
import { log } from '../../runtime/log.ts'
import { type Outcome, unwrap } from '../../runtime/outcome.ts'
import { inTurns } from '../../runtime/turns.ts'
import type { DueResult } from '../../storage/due-table.ts'
import type { UserCore } from './user-core.ts'

/** Rooms told at once. */
const PARALLEL_ROOMS = 16
/** When the alarm looks whether all rooms were told; the first attempt does not wait for it. */
const RETRY_MS = 30_000

/** Refusals that say nothing about what was asked. */
const TRANSIENT: readonly Errcode[] = ['M_LIMIT_EXCEEDED', 'M_UNKNOWN']

/** What a job tells rooms. */
export interface RoomsJobSpec {
  /** `due` kind of the work. */
  readonly kind: string
  /** The rooms concerned, as the user's list has them now. */
  readonly rooms: (core: UserCore) => readonly string[]
  /** Tells one room; a room that refuses has been told, one that cannot be asked now is told again. Repeating it must change nothing. */
  readonly tell: (core: UserCore, roomId: string) => Promise<Outcome<unknown> | undefined>
}

/**
 * Something that all of a user's rooms must be told. Planned in the commit of what it follows from, started at once, repeated by the alarm after a
 * crash or a failure.
 */
export class RoomsJob {
  readonly #core: UserCore
  readonly #spec: RoomsJobSpec
  #running: Promise<void> | undefined
  /** Raised by every request, so that an attempt sees that there is more to tell. */
  #requests = 0

  constructor(core: UserCore, spec: RoomsJobSpec) {
    this.#core = core
    this.#spec = spec
    core.due.handle(spec.kind, () => this.#repeat())
  }

  /** Asks for the job. To be called inside the transaction that makes it necessary. */
  plan(): void {
    if (this.#spec.rooms(this.#core).length === 0) return
    this.#requests += 1
    this.#core.due.ensure(this.#spec.kind, '', nowMs() + RETRY_MS)
    this.#core.ctx.waitUntil(this.#start())
  }

  async #start(): Promise<void> {
    // After the transaction, but in its turn: the alarm and the plan are one commit.
    await Promise.resolve()
    await this.#core.due.arm()
    try {
      await this.#runOnce()
    } catch (cause) {
      log.warn(`work on all rooms of a user will be repeated: ${this.#spec.kind}`, cause)
    }
  }

  async #repeat(): Promise<DueResult> {
    await this.#runOnce()
    return 'done'
  }

  #runOnce(): Promise<void> {
    this.#running ??= this.#tellAll().finally(() => {
      this.#running = undefined
    })
    return this.#running
  }

  async #tell(roomId: string): Promise<void> {
    const outcome = await this.#spec.tell(this.#core, roomId)
    if (outcome?.ok === false && TRANSIENT.includes(outcome.error.errcode)) unwrap(outcome)
  }

  async #tellAll(): Promise<void> {
    for (let seen = -1; seen !== this.#requests; ) {
      seen = this.#requests
      const rooms = this.#spec.rooms(this.#core)
      await inTurns(rooms, PARALLEL_ROOMS, (roomId) => this.#tell(roomId))
    }
  }
}
