import type { ObjectStore } from '../../storage/object-store.ts'
import {
  countUnreadMarks,
  deleteUnreadMarks,
  insertUnreadMarks,
  readRoomIdsWithMarks,
  readUnreadMarks,
  type UnreadMark,
} from '../../storage/user/unread-marks.ts'
import type { FlushRider } from './feed-keeper.ts'

/** Marks kept of one room: the latest. Clients show "99+" long before. */
export const MAX_MARKS_PER_ROOM = 1_000
/** Rooms whose marks stay in memory without need. */
const MAX_ROOMS_IN_MEMORY = 200

/** How much is unread. */
export interface UnreadCounts {
  readonly notifications: number
  readonly highlights: number
}

/** Marks of one room: in order of position, and what of them is not in the database as it is here. */
interface RoomMarks {
  marks: UnreadMark[]
  readonly added: Set<UnreadMark>
  readonly removed: Set<number>
  /** How many there are by thread, once that was asked for. */
  counts: Map<string, UnreadCounts> | undefined
}

/** A user's unread marks: read room by room as they are asked for, changed in memory, written with the feed. */
export class UnreadMarks implements FlushRider {
  readonly #store: ObjectStore
  readonly #rooms = new Map<string, RoomMarks>()
  readonly #changed = new Set<string>()
  /** Rooms that may have marks in the database: most have none, and need not be looked up. */
  #marked: Set<string> | undefined
  /** How many marks the database holds, once that has been needed. */
  #stored: number | undefined

  constructor(store: ObjectStore) {
    this.#store = store
  }

  /** Adds a mark above all others. Of too many the oldest goes. */
  add(roomId: string, mark: UnreadMark): void {
    const room = this.#load(roomId)
    room.marks.push(mark)
    room.added.add(mark)
    if (room.counts !== undefined) countIn(room.counts, mark)
    this.#changed.add(roomId)
    const oldest = room.marks.length > MAX_MARKS_PER_ROOM ? room.marks.shift() : undefined
    if (oldest === undefined) return
    room.counts = undefined
    if (!room.added.delete(oldest)) room.removed.add(oldest.pos)
  }

  /** Removes marks; answers whether there were any. */
  remove(roomId: string, which: (mark: UnreadMark) => boolean): boolean {
    const room = this.#load(roomId)
    const gone = room.marks.filter(which)
    if (gone.length === 0) return false
    room.marks = room.marks.filter((mark) => !which(mark))
    room.counts = undefined
    for (const mark of gone) if (!room.added.delete(mark)) room.removed.add(mark.pos)
    this.#changed.add(roomId)
    return true
  }

  /** Whether an event is still unread. */
  has(roomId: string, eventId: string): boolean {
    return this.#load(roomId).marks.findLast((mark) => mark.eventId === eventId) !== undefined
  }

  /** Marks of one room. */
  count(roomId: string): number {
    return this.#load(roomId).marks.length
  }

  /** Marks of all rooms together. */
  get total(): number {
    this.#stored ??= countUnreadMarks(this.#store)
    let total = this.#stored
    for (const roomId of this.#changed) {
      const room = this.#rooms.get(roomId)
      if (room !== undefined) total += room.added.size - room.removed.size
    }
    return total
  }

  /** How much is unread in each thread of a room that has anything unread. Whoever keeps the answer copies it. */
  countByThread(roomId: string): ReadonlyMap<string, UnreadCounts> {
    const room = this.#load(roomId)
    if (room.counts === undefined) {
      room.counts = new Map()
      for (const mark of room.marks) countIn(room.counts, mark)
    }
    return room.counts
  }

  get needsFlush(): boolean {
    return this.#changed.size > 0
  }

  get flushIsUrgent(): boolean {
    return false
  }

  write(): void {
    for (const roomId of this.#changed) {
      const room = this.#rooms.get(roomId)
      if (room === undefined) continue
      if (room.removed.size > 0) deleteUnreadMarks(this.#store, roomId, [...room.removed])
      insertUnreadMarks(this.#store, roomId, [...room.added])
    }
  }

  written(): void {
    if (this.#stored !== undefined) this.#stored = this.total
    for (const roomId of this.#changed) {
      const room = this.#rooms.get(roomId)
      room?.added.clear()
      room?.removed.clear()
      if (room !== undefined && room.marks.length > 0) this.#markedRooms().add(roomId)
      else this.#markedRooms().delete(roomId)
    }
    this.#changed.clear()
    if (this.#rooms.size > MAX_ROOMS_IN_MEMORY) this.#rooms.clear()
  }

  #load(roomId: string): RoomMarks {
    let room = this.#rooms.get(roomId)
    if (room === undefined) {
      const marks = this.#markedRooms().has(roomId) ? readUnreadMarks(this.#store, roomId) : []
      room = { marks, added: new Set(), removed: new Set(), counts: undefined }
      this.#rooms.set(roomId, room)
    }
    return room
  }

  #markedRooms(): Set<string> {
    this.#marked ??= new Set(readRoomIdsWithMarks(this.#store))
    return this.#marked
  }
}

function countIn(counts: Map<string, UnreadCounts>, { thread, highlight }: UnreadMark): void {
  const { notifications, highlights } = counts.get(thread) ?? { notifications: 0, highlights: 0 }
  counts.set(thread, { notifications: notifications + 1, highlights: highlights + (highlight ? 1 : 0) })
}
