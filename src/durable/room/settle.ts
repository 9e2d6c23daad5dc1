import { log } from '../../runtime/log.ts'
import { countCost } from '../../runtime/metrics.ts'
import { inTurns } from '../../runtime/turns.ts'
import type { DueResult } from '../../storage/due-table.ts'
import type { PullReply } from '../protocol.ts'
import { SETTLE_DELAY_MS } from './append/finish-draft.ts'
import type { FanOut, Listener } from './fan-out.ts'
import type { RoomCore } from './room-core.ts'

/** A busy room settles at least this often. */
const MAX_UNSETTLED_MS = 180_000
/** Members asked at once, before others have a turn: about 50 ms where all of them are out of memory. */
const SETTLE_PARALLEL = 16
/** When a member did not answer, ask again after this. */
const SETTLE_RETRY_MS = 30_000

/** Makes every joined local member hold durably what the room has committed (docs/design/feed.md, "Settle"). */
export class Settlement {
  readonly #core: RoomCore
  readonly #fanOut: FanOut
  /** When the last event was committed and since when somebody is unsettled, as far as this boot knows. */
  #lastEventMs = 0
  #unsettledSinceMs: number | undefined

  constructor(core: RoomCore, fanOut: FanOut) {
    this.#core = core
    this.#fanOut = fanOut
  }

  /** Something was committed: the due row was written with it, the alarm must be set. */
  committed(): void {
    this.#lastEventMs = this.#core.nowMs()
    this.#unsettledSinceMs ??= this.#lastEventMs
    this.#core.ctx.waitUntil(this.#core.due.arm())
  }

  /** Due work of kind `settle`. */
  async run(): Promise<DueResult> {
    const now = this.#core.nowMs()
    const quietSince = this.#lastEventMs + SETTLE_DELAY_MS
    if (quietSince > now && now - (this.#unsettledSinceMs ?? now) < MAX_UNSETTLED_MS) return { again: quietSince }
    const target = this.#core.lastPos
    const listeners = [...this.#fanOut.listeners().values()]
    for (const listener of listeners) this.#fanOut.noteDurableFromBox(listener)
    const unsettled = listeners.filter(({ asleep, durablePos }) => !asleep && durablePos < target)
    let failed = false
    await inTurns(unsettled, SETTLE_PARALLEL, async (listener) => {
      const isSettled = await this.#ask(listener)
      failed ||= !isSettled
    })
    if (failed) return { again: this.#core.nowMs() + SETTLE_RETRY_MS }
    if (this.#core.lastPos > target) {
      this.#unsettledSinceMs = this.#lastEventMs
      return { again: Math.max(this.#lastEventMs, now) + SETTLE_DELAY_MS }
    }
    this.#unsettledSinceMs = undefined
    return 'settled'
  }

  /** A user asks where the room is and wants to be rung again: one turn, so that nothing falls between. */
  pull(userId: string, news: PullReply['news']): PullReply {
    const listener = this.#fanOut.listeners().get(userId)
    const { head } = this.#core
    if (listener === undefined) return { head: 0, generation: head.generation, member: false }
    listener.asleep = false
    listener.dozing = false
    listener.serial += 1
    listener.toldPos = Math.max(listener.toldPos, this.#core.lastPos)
    listener.unreadPos = listener.toldPos
    return { head: this.#core.lastPos, generation: head.generation, member: true, news }
  }

  async #ask(listener: Listener): Promise<boolean> {
    const core = this.#core
    const { serial } = listener
    const head = core.lastPos
    countCost('settle')
    try {
      const stub = core.env.USER.get(core.env.USER.idFromName(listener.userId))
      const reply = await stub.settle({ roomId: core.roomId, generation: core.head.generation, head, news: this.#fanOut.newsFor(listener) })
      // Not on the user's list (any more): the membership notice in the outbox has the last word.
      if (!reply.member) return true
      listener.durablePos = Math.max(listener.durablePos, reply.durablePos)
      listener.toldPos = Math.max(listener.toldPos, head)
      listener.unreadPos = Math.max(listener.unreadPos, head)
      if (listener.serial === serial) listener.asleep = !reply.awake
      return !reply.awake || reply.durablePos >= head
    } catch (cause) {
      log.debug('a member could not be settled', cause)
      return false
    }
  }
}
