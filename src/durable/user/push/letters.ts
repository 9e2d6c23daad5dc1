import { outboundOf } from '../../../federation/outbound/outbound.ts'
import { nowMs } from '../../../runtime/clock.ts'
import { letterboxesOf } from '../../letterboxes.ts'
import { takeHint } from '../hints.ts'
import { parkedCount } from '../parked-poll.ts'
import { standingOf } from '../standing.ts'
import type { UserCore } from '../user-core.ts'
import { type RoomLetters, UserLetterbox } from './letterbox.ts'
import { type LaneItem, targetOf } from './push-lanes.ts'

/** Rooms that may leave something: those that rang last. */
const MAX_ROOMS = 16

/**
 * The user's letterbox (docs/design/push.md, "Letterboxes"): put out when a room has rung and nobody waits for news; taken in, with what lies in it, before anything
 * else is done with the account. So whoever looks at the account sees the same as if every room had rung.
 */
export class Letters {
  readonly #core: UserCore
  /** Rooms for which the box is put out, the latest last. */
  readonly #rooms = new Set<string>()
  /** A box that is not out any more, and has not been taken in yet. */
  #closed: UserLetterbox | undefined

  constructor(core: UserCore) {
    this.#core = core
  }

  /** When something was left last in the box that is out; 0 where nothing was. */
  get lastMs(): number {
    const box = letterboxesOf(this.#core.env).find(this.#core.userId)
    return box instanceof UserLetterbox ? box.lastMs : 0
  }

  /** Takes the box in. Costs a look-up where there is none. */
  takeIn(): void {
    this.#close()
    const box = this.#closed
    this.#closed = undefined
    if (box === undefined) return
    for (const [roomId, { generation, head, facts, from, told }] of box.rooms) {
      this.#rooms.add(roomId)
      if (facts === undefined) continue
      const unread = { from, items: told.map((one) => ({ kind: 'told' as const, ...one })) }
      takeHint(this.#core, { roomId, generation, head, news: { facts, unread: undefined } }, unread)
    }
  }

  /** Nobody may leave anything any more: what the box goes by is changing in a transaction, after which it is taken in. */
  takeInSoon(): void {
    this.#close()
    if (this.#closed !== undefined) queueMicrotask(() => this.takeIn())
  }

  /** Takes the box away and keeps it. One that was kept before stays: there is never another until it has been taken in. */
  #close(): void {
    const box = letterboxesOf(this.#core.env).takeIn(this.#core.userId)
    if (box instanceof UserLetterbox) this.#closed = box
  }

  /** Puts the box out, also for a room that has just rung, where there is a use for it. */
  putOut(roomId?: string): void {
    if (roomId !== undefined) {
      this.#rooms.delete(roomId)
      this.#rooms.add(roomId)
      const [oldest] = this.#rooms
      if (this.#rooms.size > MAX_ROOMS && oldest !== undefined) this.#rooms.delete(oldest)
    }
    const core = this.#core
    const lanes = core.push.lanes.all()
    const isSimple = lanes.every(({ pusher, standing, items }) => {
      return targetOf(pusher).namesOnly && standing.failures === 0 && items.every(isUnderWay)
    })
    if (lanes.length === 0 || !isSimple || parkedCount(core) > 0 || standingOf(core).locked) return
    const rooms = this.#roomsToServe()
    if (rooms.size === 0) return
    const box = new UserLetterbox({
      reader: core.unread.reader,
      pushers: lanes.map(({ pusher }) => pusher),
      gateways: outboundOf(core.env).pushGateways,
      badge: core.unread.badge,
      rooms,
      threadsCount: core.config.threadSubscriptions,
      nowMs: nowMs(),
    })
    letterboxesOf(core.env).putOut(core.userId, box)
  }

  #roomsToServe(): Map<string, RoomLetters> {
    const { feedKeeper, unread } = this.#core
    const { feed } = feedKeeper
    const rooms = new Map<string, RoomLetters>()
    for (const roomId of this.#rooms) {
      const row = feed.rooms.find(roomId)
      if (row?.membership !== 'join' || row.unreadPos !== row.lastPos) continue
      const { generation, lastPos } = row
      const durablePos = feed.durablePos(roomId, generation)
      rooms.set(roomId, {
        ...{ generation, from: lastPos, head: lastPos, facts: undefined, told: [], spare: unread.spareMarks(roomId), durablePos },
      })
    }
    return rooms
  }
}

/** It is on its way, and no gateway has said anything against it. */
function isUnderWay({ way }: LaneItem): boolean {
  return way !== undefined && (way.sent?.verdict ?? 'delivered') === 'delivered'
}
