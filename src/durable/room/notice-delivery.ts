import { isJsonObject } from '../../matrix/json.ts'
import { log } from '../../runtime/log.ts'
import type { DueResult } from '../../storage/due-table.ts'
import { type OutboxEntry, readOutbox } from '../../storage/room/outbox.ts'
import type { MembershipNotice } from '../protocol.ts'
import type { CommitQueue } from './append/commit-queue.ts'
import { NOTICE_RETRY_MS } from './append/finish-draft.ts'
import type { FanOut } from './fan-out.ts'
import type { RoomCore } from './room-core.ts'

/** Notices delivered at once. */
const NOTICES_PARALLEL = 32
/** Notices read per round after a restart. */
const NOTICES_PER_ROUND = 500
/** Delivered notices remembered; far more than a commit can leave undeleted. */
const MAX_REMEMBERED = 10_000

/** Delivers own-membership notices: in order per user, durable on both sides, awaited by whoever changed the membership. */
export class NoticeDelivery {
  readonly #core: RoomCore
  readonly #queue: CommitQueue
  readonly #fanOut: FanOut
  /** The last delivery per user, so that a later notice waits for the earlier one. */
  readonly #perUser = new Map<string, Promise<boolean>>()
  /** Notices whose users have answered in this boot; their rows go with the next commit. */
  readonly #delivered = new Set<number>()

  constructor(core: RoomCore, queue: CommitQueue, fanOut: FanOut) {
    this.#core = core
    this.#queue = queue
    this.#fanOut = fanOut
  }

  /** Delivers notices that were just committed. Answers whether every user has committed theirs. */
  async deliver(entries: readonly OutboxEntry[]): Promise<boolean> {
    let all = true
    for (let start = 0; start < entries.length; start += NOTICES_PARALLEL) {
      const results = await Promise.all(entries.slice(start, start + NOTICES_PARALLEL).map((entry) => this.#enqueue(entry)))
      all &&= !results.includes(false)
    }
    return all
  }

  /** Resolves when nothing is under way to a user (any more). */
  async caughtUp(userId: string): Promise<void> {
    await this.#perUser.get(userId)
  }

  /** Due work of kind `notices`: delivers what a crash or a failure left behind. */
  async run(): Promise<DueResult> {
    const left = readOutbox(this.#core.store, NOTICES_PER_ROUND).filter(({ id }) => !this.#delivered.has(id))
    if (left.length === 0) return 'settled'
    const all = await this.deliver(left)
    return all && left.length < NOTICES_PER_ROUND ? 'settled' : { again: this.#core.nowMs() + NOTICE_RETRY_MS }
  }

  #enqueue(entry: OutboxEntry): Promise<boolean> {
    const before = this.#perUser.get(entry.userId) ?? Promise.resolve(true)
    const delivery = before.then(() => this.#send(entry))
    this.#perUser.set(entry.userId, delivery)
    return delivery.finally(() => {
      if (this.#perUser.get(entry.userId) === delivery) this.#perUser.delete(entry.userId)
    })
  }

  /** Numbers are never reused; the oldest ones' rows went with a commit long ago. */
  #remember(id: number): void {
    this.#delivered.add(id)
    if (this.#delivered.size <= MAX_REMEMBERED) return
    const oldest = this.#delivered.values().next()
    if (!oldest.done) this.#delivered.delete(oldest.value)
  }

  async #send(entry: OutboxEntry): Promise<boolean> {
    const core = this.#core
    try {
      const stub = core.env.USER.get(core.env.USER.idFromName(entry.userId))
      const notice = parseNotice(entry.notice)
      await stub.membership({ ...notice, facts: core.facts.read() })
      this.#remember(entry.id)
      this.#queue.acknowledge(entry.id)
      this.#fanOut.noteDurable(entry.userId, notice.head)
      return true
    } catch (cause) {
      log.warn('an own-membership notice will be delivered again', cause)
      return false
    }
  }
}

function parseNotice(text: string): MembershipNotice {
  const value: unknown = JSON.parse(text)
  if (!isJsonObject(value)) throw new Error('an outbox row is not a notice')
  const { roomId, generation, membership, pos, head, eventId, sender, strippedState, isDirect, unreadPos, elsewhere, predecessor } = value
  if (typeof roomId !== 'string' || typeof generation !== 'string' || typeof pos !== 'number' || typeof head !== 'number') {
    throw new Error('an outbox row is not a notice')
  }
  return {
    roomId,
    generation,
    membership: membership === 'join' || membership === 'invite' || membership === 'knock' || membership === 'ban' ? membership : 'leave',
    pos,
    head,
    eventId: String(eventId),
    sender: String(sender),
    strippedState: typeof strippedState === 'string' ? strippedState : undefined,
    isDirect: isDirect === true,
    unreadPos: typeof unreadPos === 'number' ? unreadPos : undefined,
    elsewhere: elsewhere === true ? true : undefined,
    predecessor: typeof predecessor === 'string' ? predecessor : undefined,
  }
}
