import type { Hint, MembershipNotice } from '../../../../src/durable/protocol.ts'
import { type ChangedRoom, Feed } from '../../../../src/durable/user/feed.ts'
import type { FeedLimits } from '../../../../src/durable/user/feed-limits.ts'
import type { FeedMark } from '../../../../src/durable/user/feed-marks.ts'
import type { Membership } from '../../../../src/matrix/membership.ts'
import { USER_MIGRATIONS } from '../../../../src/storage/user/migrations.generated.ts'
import { NodeObjectDatabase } from '../../../support/node-object-store.ts'

/** What a room has told: positions with events, in order, and the user's membership. */
export interface ModelRoom {
  readonly roomId: string
  generation: number
  /** Positions that hold something for the user, of the current generation. Gaps are normal. */
  positions: number[]
  head: number
  membership: Membership | undefined
  /** A notice that is not delivered yet: the room's outbox. */
  outbox: MembershipNotice[]
}

/** What a client that follows one chain of tokens has been sent. */
export interface ClientView {
  /** By room: which generation it follows, and the positions it was sent. `undefined` membership: never heard of. */
  readonly rooms: ReadonlyMap<
    string,
    { readonly generation: number; readonly positions: ReadonlySet<number>; readonly membership: Membership }
  >
}

export interface Token {
  readonly mark: FeedMark
  readonly view: ClientView
}

const SMALL: FeedLimits = { maxEntries: 6, pruneSlack: 2, maxBoots: 3 }

/** Rooms, a user with a feed over a real database, and clients; every step is one that production can take. */
export class FeedWorld {
  readonly rooms: ModelRoom[]
  readonly tokens: Token[] = []
  readonly #db = new NodeObjectDatabase()
  readonly #limits: FeedLimits
  readonly #promises = new Map<string, { readonly generation: number; readonly pos: number }>()
  #boots = 0
  crashes = 0
  feed: Feed
  /** Windows that repeated what the client had. */
  repeated = 0

  constructor(roomCount: number, limits: FeedLimits = SMALL) {
    this.#limits = limits
    this.rooms = Array.from({ length: roomCount }, (_, index) => ({
      roomId: `!room${index}`,
      generation: 1,
      positions: [],
      head: 0,
      membership: undefined,
      outbox: [],
    }))
    this.feed = this.#boot()
  }

  get commits(): number {
    return this.#db.commits
  }

  #boot(): Feed {
    this.#boots += 1
    return new Feed(this.#db.open(USER_MIGRATIONS), `boot${this.#boots}`, this.#limits)
  }

  /** The object ends; what was not written is lost. */
  crash(): void {
    this.crashes += 1
    this.feed = this.#boot()
    this.#checkPromises()
  }

  room(index: number): ModelRoom {
    const room = this.rooms[index % this.rooms.length]
    if (room === undefined) throw new Error('no room')
    return room
  }

  /** Something happens in a room, for the user if they are joined. */
  post(room: ModelRoom, gap: number): void {
    room.head += 1 + gap
    if (room.membership === 'join') room.positions.push(room.head)
  }

  /** The user's membership changes; the room's outbox holds the notice until it is taken. */
  change(room: ModelRoom, membership: Membership): void {
    if (room.membership === membership) return
    room.head += 1
    if (membership === 'join') room.positions = []
    room.membership = membership
    room.positions.push(room.head)
    const notice = { roomId: room.roomId, generation: `g${room.generation}`, membership, pos: room.head, head: room.head }
    room.outbox.push({ ...notice, eventId: '$e', sender: '@s:x', strippedState: undefined, isDirect: false })
  }

  deliverNotices(room: ModelRoom, again: boolean): void {
    for (const notice of room.outbox) {
      if (this.feed.notice(notice)) this.feed.flushNotice(notice)
      if (again && this.feed.notice(notice)) throw new Error('a repeated notice was taken twice')
    }
    room.outbox = []
  }

  hintOf(room: ModelRoom): Hint {
    return { roomId: room.roomId, generation: `g${room.generation}`, head: room.head }
  }

  /** Rooms ring only whom they know as joined. */
  hint(room: ModelRoom): void {
    if (room.membership !== 'join') return
    if (this.feed.hint(this.hintOf(room)) === 'stranger') return
    const promised = this.feed.durablePos(room.roomId, `g${room.generation}`)
    this.#promises.set(room.roomId, { generation: room.generation, pos: promised })
  }

  /** What the user called durable must be known to its next life. */
  #checkPromises(): void {
    for (const [roomId, { generation, pos }] of this.#promises) {
      // A room that was restored since is another room to whom nothing was promised.
      if (this.rooms.find((room) => room.roomId === roomId)?.generation !== generation) continue
      const row = this.feed.rooms.find(roomId)
      const known = row?.generation === `g${generation}` ? row.lastPos : 0
      if (known < pos) throw new Error(`${roomId} was durable up to ${pos}, but only ${known} is known`)
    }
    this.#promises.clear()
  }

  settle(room: ModelRoom): number {
    this.hint(room)
    this.feed.flush()
    return this.feed.durablePos(room.roomId, `g${room.generation}`)
  }

  /** The room's database is replaced by another life of itself, in which the user is joined as before. */
  restore(room: ModelRoom): void {
    if (room.membership !== 'join' || room.outbox.length > 0) return
    room.generation += 1
    room.head = 1
    room.positions = [1]
  }

  /** One sync of a client with a token (or none); answers the token it gets. */
  sync(since: Token | undefined): Token {
    const { feed } = this
    const seq = since === undefined ? 0 : feed.resolve(since.mark).seq
    const changed: readonly Pick<ChangedRoom, 'row' | 'from'>[] =
      since === undefined ? feed.rooms.all().map((row) => ({ row, from: null, firstSeq: 0 })) : feed.changedSince(seq)
    const view = new Map(since?.view.rooms)
    for (const { row, from } of changed) {
      if (feed.startOf(row, seq) !== from && since !== undefined) throw new Error('startOf and changedSince disagree')
      const before = view.get(row.roomId)
      const room = this.rooms.find(({ roomId }) => roomId === row.roomId)
      if (room === undefined) throw new Error('a room that does not exist')
      const generation = Number(row.generation.slice(1))
      // A room that is new to the client is sent as a whole; otherwise exactly what lies in the window.
      const inWindow = generation === room.generation ? room.positions.filter((pos) => pos <= row.lastPos) : []
      const sent = inWindow.filter((pos) => from === null || pos > from)
      const known = from === null || before?.generation !== generation ? new Set<number>() : before.positions
      if (from !== null && sent.some((pos) => known.has(pos))) this.repeated += 1
      if (from !== null && row.membership === 'join' && before?.membership === 'join' && before.generation === generation) {
        const gap = inWindow.filter((pos) => pos <= from && !known.has(pos))
        if (gap.length > 0) throw new Error(`gap: ${gap.join()} in ${row.roomId}`)
      }
      view.set(row.roomId, { generation, positions: new Set([...known, ...sent]), membership: row.membership })
    }
    const token = { mark: feed.issue(), view: { rooms: view } }
    this.tokens.push(token)
    return token
  }

  /** Every room gets through in the end: outboxes and alarms are durable. */
  quiesce(): void {
    for (const room of this.rooms) {
      this.deliverNotices(room, false)
      const durable = this.settle(room)
      if (room.membership === 'join' && durable < room.head) throw new Error('settled, but not durable')
    }
  }

  /** What a client must end up with, whichever token it held. */
  checkComplete(view: ClientView): void {
    for (const room of this.rooms) {
      const seen = view.rooms.get(room.roomId)
      if (room.membership === undefined) {
        if (seen !== undefined) throw new Error('a room that the user never had to do with')
        continue
      }
      if (seen?.membership !== room.membership) throw new Error(`${room.roomId} is ${room.membership}, the client has ${seen?.membership}`)
      if (room.membership !== 'join' && room.membership !== 'leave') continue
      const missing = room.positions.filter((pos) => !seen.positions.has(pos))
      if (missing.length > 0) throw new Error(`never delivered: ${missing.join()} of ${room.roomId}`)
    }
  }
}
