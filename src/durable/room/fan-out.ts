import { log } from '../../runtime/log.ts'
import { countCost } from '../../runtime/metrics.ts'
import { Groups } from '../../runtime/turns.ts'
import { type Letter, letterboxesOf } from '../letterboxes.ts'
import type { HintReply } from '../protocol.ts'
import type { RoomNews } from '../room-news.ts'
import { rememberedListenersOf } from './remembered-listeners.ts'
import type { RoomCore } from './room-core.ts'

/** Hints under way at once per room; further members wait for an answer to free a place. */
const MAX_HINTS_IN_FLIGHT = 256
/** Hints begun before others have a turn: about 100 ms where all of these members are out of memory. */
const HINTS_PER_TURN = 32

/** What the room knows of one joined local member; all of it may be forgotten (docs/design/feed.md). */
export interface Listener {
  readonly userId: string
  /** The member's database covers everything up to here. */
  durablePos: number
  /** Newest head that the member was told. */
  toldPos: number
  /** Unread marks are evaluated up to here, as far as the room knows. */
  unreadPos: number
  /** The member committed a dirty mark and need not be rung. */
  asleep: boolean
  /** Nobody looks there: the member need not be rung until they pull, but is to be settled. */
  dozing: boolean
  /** Raised by every pull: answers to older questions cannot put the member to sleep. */
  serial: number
  inFlight: boolean
  /** The latest hint was lost with the member's object, and is repeated once: a poll may wait that the object's next life has to answer. */
  isRepeated: boolean
  /** Raised by every notice that arrived: a hint that was refused before is then repeated. */
  notices: number
}

/** Rings the joined local members of a room after commits: at most one hint in flight per member, later events only raise the next one's head. */
export class FanOut {
  readonly #core: RoomCore
  #listeners: Map<string, Listener> | undefined
  #inFlight = 0
  readonly #queue = new Set<Listener>()
  readonly #groups = new Groups(HINTS_PER_TURN)
  /** Ends when nobody is to be rung any more; there while the room has called itself for that. */
  #ringing: PromiseWithResolvers<void> | undefined

  constructor(core: RoomCore) {
    this.#core = core
  }

  /** Joined local members; read from storage once per boot. In a room that this life has made, whoever joins is told of it by a notice. */
  listeners(): Map<string, Listener> {
    if (this.#listeners === undefined) {
      const core = this.#core
      const isOlder = core.findHead() !== undefined && core.loadedPos > 0
      const joined = isOlder ? core.members.localJoined() : []
      const earlier = isOlder ? rememberedListenersOf(core.env)?.recall(core.roomId, core.head.generation) : undefined
      this.#listeners = new Map(joined.map((userId) => [userId, newListener(userId, earlier?.(userId))]))
      if (earlier !== undefined) this.#remember()
    }
    return this.#listeners
  }

  /** Has the next life of a large room begin with what this one knows. */
  #remember(): void {
    const { env, roomId, head } = this.#core
    rememberedListenersOf(env)?.remember(roomId, { generation: head.generation, listeners: this.listeners() })
  }

  /** Answers once nobody is to be rung any more. */
  async whileRinging(): Promise<void> {
    await this.#ringing?.promise
  }

  /** A local user joined or left. */
  memberChanged(userId: string): void {
    const listeners = this.listeners()
    const joined = this.#core.members.find(userId)?.membership === 'join'
    if (!joined) listeners.delete(userId)
    // The notice of a join covers everything up to its own commit.
    else if (!listeners.has(userId)) {
      listeners.set(userId, { ...newListener(userId), toldPos: this.#core.lastPos, unreadPos: this.#core.lastPos })
    }
  }

  /** Tells every awake member that there is something up to the room's newest position. */
  ring(): void {
    const leave = this.#postman()
    for (const listener of this.listeners().values()) {
      if (isListening(listener) && !listener.inFlight && !leave(listener)) this.#queue.add(listener)
    }
    this.#drain()
    this.#forgetRecent()
  }

  /** Tells one member only, of what nobody else may see. */
  ringOnly(userId: string): void {
    const listener = this.listeners().get(userId)
    if (listener !== undefined && isListening(listener) && !listener.inFlight) this.#queue.add(listener)
    this.#drain()
  }

  /** The user has committed everything up to a position, as a notice or settle answer told. */
  noteDurable(userId: string, pos: number): void {
    const listener = this.listeners().get(userId)
    if (listener === undefined) return
    listener.durablePos = Math.max(listener.durablePos, pos)
    // What came between the notice's commit and its arrival was refused as "not a member".
    listener.toldPos = pos
    listener.notices += 1
    if (!listener.inFlight) this.#queue.add(listener)
    this.#drain()
  }

  /** What a member should be told besides where the room is. */
  newsFor(listener: Listener): RoomNews {
    const { facts, recentUnread } = this.#core
    return { facts: facts.read(), unread: recentUnread.since(listener.userId, listener.unreadPos) }
  }

  /** Where a member is durably, as far as their letterbox says. */
  noteDurableFromBox(listener: Listener): void {
    const core = this.#core
    const durable = letterboxesOf(core.env).find(listener.userId)?.durablePos(core.roomId, core.head.generation) ?? 0
    listener.durablePos = Math.max(listener.durablePos, durable)
  }

  #drain(): void {
    const { ctx } = this.#core
    const goOn = (): void => this.#drain()
    const stayFor = (rest: Promise<void>): void => ctx.waitUntil(rest)
    if (this.#queue.size + this.#inFlight > MAX_HINTS_IN_FLIGHT) this.#stay()
    for (const listener of this.#queue) {
      const isToRing = listener.toldPos < this.#core.lastPos
      if (isToRing && (this.#inFlight >= MAX_HINTS_IN_FLIGHT || !this.#groups.mayStart(goOn, stayFor))) return
      this.#queue.delete(listener)
      if (isToRing) ctx.waitUntil(this.#hint(listener))
    }
    if (this.#inFlight > 0) return
    this.#groups.allEnded()
    this.#ringing?.resolve()
    this.#ringing = undefined
  }

  /**
   * An object goes ten seconds after the last call that came in, whatever it is doing; ringing thousands who are not in memory takes longer. A call to itself keeps
   * the room until it is done, and its next life need not do it again.
   */
  #stay(): void {
    if (this.#ringing !== undefined) return
    this.#ringing = Promise.withResolvers()
    const core = this.#core
    countCost('rpc')
    const stub = core.env.ROOM.get(core.env.ROOM.idFromName(core.roomId))
    core.ctx.waitUntil(stub.whileRinging().catch((cause: unknown) => log.debug('a room went while it rang', cause)))
    this.#remember()
  }

  /** Nobody is being told of anything: whoever was not reached asks. */
  #forgetRecent(): void {
    if (this.#inFlight === 0 && this.#queue.size === 0) this.#core.recentUnread.clear()
  }

  /** Leaves what the room says in the letterboxes of members who have theirs out. */
  #postman(): (listener: Listener) => boolean {
    const core = this.#core
    const boxes = letterboxesOf(core.env)
    const stayFor = (work: Promise<void>): void => core.ctx.waitUntil(work)
    let letter: Omit<Letter, 'newsAbove'> | undefined
    return (listener) => {
      const { userId } = listener
      const box = boxes.find(userId)
      if (box === undefined) return false
      letter ??= {
        roomId: core.roomId,
        generation: core.head.generation,
        head: core.lastPos,
        facts: core.facts.read(),
        nowMs: core.nowMs(),
      }
      if (!box.leave({ ...letter, newsAbove: (pos) => core.recentUnread.since(userId, pos) }, stayFor)) return false
      listener.toldPos = letter.head
      listener.unreadPos = letter.head
      countCost('letter')
      return true
    }
  }

  async #hint(listener: Listener): Promise<void> {
    const core = this.#core
    const head = core.lastPos
    const { notices, serial } = listener
    listener.inFlight = true
    this.#inFlight += 1
    countCost('hint')
    try {
      const stub = core.env.USER.get(core.env.USER.idFromName(listener.userId))
      const reply: HintReply = await stub.hint({
        roomId: core.roomId,
        generation: core.head.generation,
        head,
        news: this.newsFor(listener),
      })
      if (reply.member || listener.notices === notices) {
        listener.toldPos = Math.max(listener.toldPos, head)
        listener.unreadPos = Math.max(listener.unreadPos, head)
      } else {
        // Refused before the notice of the join arrived, which has by now: what it was told does not count.
        this.#queue.add(listener)
      }
      listener.isRepeated = false
      if (reply.member) listener.durablePos = Math.max(listener.durablePos, reply.durablePos)
      if (listener.serial === serial) Object.assign(listener, { asleep: listener.asleep || !reply.awake, dozing: reply.dozing === true })
    } catch (cause) {
      // The user's object ended. The settle row of the event's commit makes sure that it is asked again.
      log.debug('a hint was lost', cause)
      if (!listener.isRepeated) this.#queue.add(listener)
      listener.isRepeated = !listener.isRepeated
    } finally {
      listener.inFlight = false
      this.#inFlight -= 1
    }
    if (listener.toldPos >= core.lastPos) this.#forgetRecent()
    const isBehind = listener.toldPos >= head && listener.toldPos < core.lastPos && isListening(listener)
    if (isBehind && !this.#postman()(listener)) this.#queue.add(listener)
    this.#drain()
  }
}

/** Whether a member wants to hear of news at once. */
function isListening({ asleep, dozing }: Listener): boolean {
  return !asleep && !dozing
}

function newListener(userId: string, earlier?: Listener): Listener {
  const { durablePos = 0, asleep = false, dozing = false } = earlier ?? {}
  return { userId, durablePos, toldPos: 0, unreadPos: 0, asleep, dozing, serial: 0, inFlight: false, isRepeated: false, notices: 0 }
}
