import type { ObjectStore } from '../../storage/object-store.ts'
import { readHighestFlushedSeq, recordFlush } from '../../storage/user/boots.ts'
import {
  deleteFeedEntriesUpTo,
  type FeedEntry,
  insertFeedEntry,
  readFeedBounds,
  readFirstEntriesAbove,
  readFirstEntryOf,
  readLastEntriesUpTo,
} from '../../storage/user/feed.ts'
import { type RoomListRow, writeStrippedState } from '../../storage/user/room-list.ts'
import type { Hint, MembershipNotice } from '../protocol.ts'
import { FEED_LIMITS, type FeedLimits, MAX_UNFLUSHED_ENTRIES } from './feed-limits.ts'
import { type FeedMark, type FeedPosition, resolveMark } from './feed-marks.ts'
import { rowAfterNotice, startOfLeaving } from './feed-notice.ts'
import { RoomList } from './room-list.ts'

/** A room with news for a position: `from` is exclusive, `null` where the room is new. */
export interface ChangedRoom {
  readonly row: RoomListRow
  readonly from: number | null
  /** The room has nothing above the position before this entry. */
  readonly firstSeq: number
}

/** What became of a hint. */
export type HintEffect = 'stranger' | 'old' | 'extended' | 'appended'

/**
 * What this user knows of their rooms' progress (docs/design/feed.md): entries numbered in order, kept in memory and written lazily. Synchronous
 * throughout; nothing here asks a room or a clock. The store must hold the account's schema.
 */
export class Feed {
  readonly boot: string
  readonly rooms: RoomList
  readonly #store: ObjectStore
  readonly #limits: FeedLimits
  /** Entries that are not in the database yet, in order. */
  #tail: FeedEntry[] = []
  #loaded = false
  #seq = 0
  #flushedSeq = 0
  #prunedSeq = 0
  /** Highest sequence number that any token may cover: entries up to it never change again. */
  #issuedSeq = 0
  /** This life is among those of which the database says how far they wrote. */
  #isRecorded = false

  constructor(store: ObjectStore, boot: string, limits: FeedLimits = FEED_LIMITS) {
    this.#store = store
    this.boot = boot
    this.#limits = limits
    this.rooms = new RoomList(store)
  }

  /** Sequence number of the latest entry. */
  get seq(): number {
    this.#load()
    return this.#seq
  }

  /** Highest sequence number in the database. */
  get flushedSeq(): number {
    this.#load()
    return this.#flushedSeq
  }

  get needsFlush(): boolean {
    return this.#tail.length > 0 || this.rooms.hasChanges
  }

  /** So much is unwritten that the next turn should write it. */
  get flushIsUrgent(): boolean {
    return this.#tail.length >= MAX_UNFLUSHED_ENTRIES
  }

  /** Everything of a room's generation up to this position is in the database; 0 where it knows nothing of that generation. */
  durablePos(roomId: string, generation: string): number {
    const flushed = this.rooms.flushed(roomId)
    return flushed?.generation === generation ? flushed.lastPos : 0
  }

  /** A room says how far it is. The range follows from what is known already, so that lost and repeated hints heal by themselves. */
  hint(hint: Hint): HintEffect {
    this.#load()
    const row = this.rooms.find(hint.roomId)
    if (row === undefined || row.membership !== 'join') return 'stranger'
    if (row.generation !== hint.generation) {
      // Another life of the room's database: positions start over, and clients get it anew.
      const { generation, head: lastPos } = hint
      this.#append({ ...row, generation, membershipPos: 0, lastPos, newSeq: this.#seq + 1, unreadPos: 0, memberPos: 0 }, null)
      return 'appended'
    }
    if (hint.head <= row.lastPos) return 'old'
    if (row.lastSeq > this.#issuedSeq) {
      this.rooms.set({ ...row, lastPos: hint.head })
      return 'extended'
    }
    this.#append({ ...row, lastPos: hint.head }, row.lastPos)
    return 'appended'
  }

  /**
   * The user's own membership changed. Answers false for a notice that is durable already; otherwise the caller must flush before it
   * acknowledges.
   */
  notice(notice: MembershipNotice): boolean {
    this.#load()
    const row = this.rooms.find(notice.roomId)
    const sameLife = row !== undefined && row.generation === notice.generation
    if (sameLife && notice.pos <= row.membershipPos) return false
    if (sameLife && row.membership === 'join' && notice.membership === 'join') {
      // The user was never out, as far as anybody here was told.
      this.hint(notice)
      this.rooms.set({ ...(this.rooms.find(notice.roomId) ?? row), membershipPos: notice.pos })
      return true
    }
    const isNew = notice.membership === 'join' || (row !== undefined && !sameLife)
    this.#append(rowAfterNotice(notice, row, this.#seq + 1, isNew), isNew ? null : startOfLeaving(notice, row))
    return true
  }

  /** The user forgets a room that they are not in (client-server-api#leaving-rooms). The caller flushes. */
  forget(row: RoomListRow): void {
    this.rooms.set({ ...row, forgotten: true })
  }

  /** Something about a room has changed that is not in the room: it counts as news. Answers the number of the entry. */
  touch(row: RoomListRow): number {
    this.#load()
    if (row.lastSeq <= this.#issuedSeq) this.#append(row, row.lastPos)
    return this.rooms.find(row.roomId)?.lastSeq ?? row.lastSeq
  }

  /** The user sleeps: the room is to be asked at the next sync. The caller flushes before it tells the room. */
  markDirty(roomId: string): void {
    const row = this.rooms.find(roomId)
    if (row !== undefined && !row.dirty) this.rooms.set({ ...row, dirty: true })
  }

  /** Nobody watches: rooms with unwritten news are to be asked at the next sync, so that going to sleep costs no write of its own. */
  markNewsDirty(): void {
    for (const roomId of this.rooms.withUnwrittenNews()) this.markDirty(roomId)
  }

  /** The room has been asked. If it did not know the user (`asked` only), this life need not ask again, but the next must. */
  clearDirty(roomId: string, outcome: 'pulled' | 'asked'): void {
    const row = this.rooms.find(roomId)
    if (row === undefined || !row.dirty) return
    const isWritten = this.rooms.flushed(roomId)?.dirty === true
    if (outcome === 'pulled' && isWritten) this.rooms.set({ ...row, dirty: false })
    else this.rooms.setInMemory({ ...row, dirty: false })
  }

  /** A mark for a token that covers everything known now. */
  issue(): FeedMark {
    this.#load()
    this.#issuedSeq = this.#seq
    return { boot: this.boot, seq: this.#seq, durable: this.#flushedSeq }
  }

  /** What the mark of a token means now. Never later than what the client has seen; possibly earlier. */
  resolve(mark: FeedMark): FeedPosition {
    this.#load()
    return resolveMark(this.#store, { boot: this.boot, seq: this.#seq, flushedSeq: this.#flushedSeq }, mark)
  }

  /** Rooms with entries above a position, forgotten ones included. */
  changedSince(seq: number): ChangedRoom[] {
    this.#load()
    const first = new Map<string, Pick<FeedEntry, 'seq' | 'fromPos'>>()
    const stored = seq < this.#flushedSeq ? readFirstEntriesAbove(this.#store, seq) : []
    for (const entry of stored) first.set(entry.roomId, entry)
    // Entries are in order, and what is asked for is mostly the latest few.
    const start = this.#tail.findLastIndex((entry) => entry.seq <= seq) + 1
    for (const entry of this.#tail.slice(start)) if (!first.has(entry.roomId)) first.set(entry.roomId, entry)
    if (seq < this.#prunedSeq) {
      for (const roomId of this.rooms.prunedAbove(seq)) first.set(roomId, { seq: this.rooms.find(roomId)?.prunedSeq ?? seq, fromPos: null })
    }
    return [...first].flatMap(([roomId, { seq: firstSeq, fromPos }]) => {
      const row = this.rooms.find(roomId)
      return row === undefined ? [] : [{ row, from: row.newSeq > seq ? null : fromPos, firstSeq }]
    })
  }

  /** Where a room's news start for a position: exclusive; `null` where it is new; its own `lastPos` where there are none. */
  startOf(row: RoomListRow, seq: number): number | null {
    this.#load()
    if (row.newSeq > seq || row.prunedSeq > seq) return null
    if (row.lastSeq <= seq) return row.lastPos
    const stored = seq < this.#flushedSeq ? readFirstEntryOf(this.#store, row.roomId, seq) : undefined
    const entry = stored ?? this.#tail.find((candidate) => candidate.roomId === row.roomId && candidate.seq > seq)
    return entry === undefined ? null : entry.fromPos
  }

  /**
   * Writes everything that is only in memory, in one commit. `alsoWrite` joins it.
   * @throws whatever the storage throws; memory and database then disagree, and the object must end.
   */
  flush(requestId?: string, alsoWrite?: () => void): void {
    this.#load()
    if (!this.needsFlush && alsoWrite === undefined) return
    const prune = this.#seq - this.#prunedSeq > this.#limits.maxEntries + this.#limits.pruneSlack
    const pruneUpTo = prune ? this.#seq - this.#limits.maxEntries : this.#prunedSeq
    this.#store.transaction(requestId, () => {
      for (const entry of this.#tail) insertFeedEntry(this.#store, entry)
      if (prune) this.#prune(pruneUpTo)
      this.rooms.writeChanged()
      if (this.#tail.length > 0) recordFlush(this.#store, this.boot, this.#seq, this.#limits.maxBoots, !this.#isRecorded)
      alsoWrite?.()
    })
    this.rooms.noteWritten()
    this.#isRecorded ||= this.#tail.length > 0
    this.#tail = []
    this.#flushedSeq = this.#seq
    this.#prunedSeq = pruneUpTo
  }

  /** Writes a membership notice that `notice` accepted, its stripped state and everything else, in one commit. */
  flushNotice(notice: MembershipNotice, requestId?: string): void {
    this.flush(requestId, () => writeStrippedState(this.#store, notice.roomId, notice.strippedState))
  }

  #prune(upTo: number): void {
    for (const { roomId, seq } of readLastEntriesUpTo(this.#store, upTo)) {
      const row = this.rooms.find(roomId)
      if (row !== undefined) this.rooms.set({ ...row, prunedSeq: seq })
    }
    deleteFeedEntriesUpTo(this.#store, upTo)
  }

  #append(row: RoomListRow, fromPos: number | null): void {
    this.#seq += 1
    this.#tail.push({ seq: this.#seq, roomId: row.roomId, fromPos })
    this.rooms.set({ ...row, lastSeq: this.#seq })
  }

  #load(): void {
    if (this.#loaded) return
    const bounds = readFeedBounds(this.#store)
    this.#flushedSeq = Math.max(bounds?.last ?? 0, readHighestFlushedSeq(this.#store))
    this.#prunedSeq = (bounds?.first ?? this.#flushedSeq + 1) - 1
    this.#seq = this.#flushedSeq
    // Tokens of earlier lives may cover everything that was written.
    this.#issuedSeq = this.#flushedSeq
    this.#loaded = true
  }
}
