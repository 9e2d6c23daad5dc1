import type { ObjectStore } from '../../storage/object-store.ts'
import { type OrderedRoom, orderedRoom, readOrderedRooms } from '../../storage/user/ordered-rooms.ts'
import {
  type RoomListRow,
  readDirtyRoomIds,
  readRoomIdsPrunedAbove,
  readRoomList,
  readRoomListRow,
  upsertRoomListRow,
} from '../../storage/user/room-list.ts'

/** Rooms of which it is remembered that they are not on the list. */
const MAX_ABSENT_ROOMS = 1_000

/** What is in memory of one room. */
interface Known {
  readonly row: RoomListRow
  /** The row as the database has it; `undefined` before its first flush. */
  readonly flushed: RoomListRow | undefined
}

/**
 * The user's rooms: a write-back cache over the table. Rows are read one by one as they are asked for, so that waking up costs nothing in
 * proportion to the number of rooms; the whole list is read once if somebody asks for all of it. Changes stay in memory until `writeChanged`.
 */
export class RoomList {
  readonly #store: ObjectStore
  readonly #known = new Map<string, Known>()
  readonly #changed = new Set<string>()
  /** Rooms that were looked for in vain: a first notice is looked for more than once before it is here. */
  readonly #absent = new Set<string>()
  #complete = false
  #dirty: Set<string> | undefined
  readonly #observers: ((row: RoomListRow) => void)[] = []

  constructor(store: ObjectStore) {
    this.#store = store
  }

  /** A room of the list, forgotten ones included. */
  find(roomId: string): RoomListRow | undefined {
    const known = this.#known.get(roomId)
    if (known !== undefined || this.#complete) return known?.row
    if (this.#absent.has(roomId)) return undefined
    const row = readRoomListRow(this.#store, roomId)
    if (row !== undefined) this.#known.set(roomId, { row, flushed: row })
    else {
      if (this.#absent.size >= MAX_ABSENT_ROOMS) this.#absent.clear()
      this.#absent.add(roomId)
    }
    return row
  }

  /** Every room of the list, forgotten ones included. */
  all(): RoomListRow[] {
    if (!this.#complete) {
      for (const row of readRoomList(this.#store)) {
        if (!this.#known.has(row.roomId)) this.#known.set(row.roomId, { row, flushed: row })
      }
      this.#complete = true
    }
    return [...this.#known.values()].map(({ row }) => row)
  }

  /** What decides the order of lists, of every room that is not forgotten. Reads no more than that of rows that are not in memory. */
  ordered(userId: string): OrderedRoom[] {
    const inMemory = [...this.#known.values()].map(({ row }) => orderedRoom(row, userId))
    if (this.#complete) return inMemory
    return [...readOrderedRooms(this.#store, userId).filter(({ roomId }) => !this.#known.has(roomId)), ...inMemory]
  }

  /** Calls `observer` with every row that changes. */
  onChange(observer: (row: RoomListRow) => void): void {
    this.#observers.push(observer)
  }

  /** Replaces a row in memory. */
  set(row: RoomListRow): void {
    const flushed = this.flushed(row.roomId)
    this.#absent.delete(row.roomId)
    this.#known.set(row.roomId, { row, flushed })
    this.#changed.add(row.roomId)
    this.#noteChange(row)
  }

  /** Replaces a row whose change need not survive this life of the object: it is written only when something else of the row is. */
  setInMemory(row: RoomListRow): void {
    const known = this.#known.get(row.roomId)
    if (known === undefined) throw new Error('only a known row can be changed in memory')
    this.#known.set(row.roomId, { row, flushed: known.flushed })
    this.#noteChange(row)
  }

  /** The room is to be asked where it is in this life of the object; not worth writing. */
  askAgain(roomId: string): void {
    const row = this.find(roomId)
    if (row !== undefined && !row.dirty) this.setInMemory({ ...row, dirty: true })
  }

  /** The room's row as the database has it. */
  flushed(roomId: string): RoomListRow | undefined {
    this.find(roomId)
    return this.#known.get(roomId)?.flushed
  }

  /** Whether rows have changed since the last write. */
  get hasChanges(): boolean {
    return this.#changed.size > 0
  }

  /** Joined rooms that are further than the database knows. */
  withUnwrittenNews(): string[] {
    return [...this.#changed].filter((roomId) => {
      const { row, flushed } = this.#known.get(roomId) ?? {}
      return row?.membership === 'join' && row.lastPos > (flushed?.lastPos ?? 0)
    })
  }

  /** Writes changed rows, and only those. The caller holds the transaction and calls {@link noteWritten} after it. */
  writeChanged(): void {
    for (const roomId of this.#changed) {
      const known = this.#known.get(roomId)
      if (known !== undefined) upsertRoomListRow(this.#store, known.row)
    }
  }

  /** The transaction with {@link writeChanged} has succeeded. */
  noteWritten(): void {
    for (const roomId of this.#changed) {
      const known = this.#known.get(roomId)
      if (known !== undefined) this.#known.set(roomId, { row: known.row, flushed: known.row })
    }
    this.#changed.clear()
  }

  /** Joined rooms that must be asked where they are. */
  dirtyRoomIds(): readonly string[] {
    return [...this.#dirtySet()].filter((roomId) => this.find(roomId)?.membership === 'join')
  }

  /** Rooms that lost feed entries above a sequence number to pruning, as far as that has been written. */
  prunedAbove(seq: number): readonly string[] {
    return readRoomIdsPrunedAbove(this.#store, seq)
  }

  #noteChange(row: RoomListRow): void {
    for (const observer of this.#observers) observer(row)
    if (row.dirty) this.#dirtySet().add(row.roomId)
    else this.#dirty?.delete(row.roomId)
  }

  #dirtySet(): Set<string> {
    this.#dirty ??= new Set(readDirtyRoomIds(this.#store))
    return this.#dirty
  }
}
