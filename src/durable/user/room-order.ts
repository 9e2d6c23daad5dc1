import { type OrderedRoom, orderedRoom } from '../../storage/user/ordered-rooms.ts'
import type { RoomList } from './room-list.ts'
import { compareActivity, compareLeaving, insertSorted, removeSorted } from './room-order-compare.ts'

/** Filtered lists that are kept. */
const MAX_VIEWS = 16

/** A filtered list: its rooms in order, and what it depends on besides them. */
interface View {
  readonly dependencies: readonly unknown[]
  readonly matches: (room: OrderedRoom) => boolean
  readonly rooms: OrderedRoom[]
}

/**
 * The user's rooms in the order of lists (MSC4186, "Activity ordering"), and of filters that were asked for: built when first needed and kept right by
 * every change of the room list, so that a window of a list costs what the window is long.
 */
export class RoomOrder {
  readonly #rooms: RoomList
  readonly #userId: string
  #known: Map<string, OrderedRoom> | undefined
  /** What lists show, the latest activity first. */
  #listed: OrderedRoom[] = []
  /** Rooms that the user left by themselves, the latest first. */
  #left: OrderedRoom[] = []
  readonly #views = new Map<string, View>()

  constructor(rooms: RoomList, userId: string) {
    this.#rooms = rooms
    this.#userId = userId
    rooms.onChange((row) => this.#take(orderedRoom(row, userId)))
  }

  /**
   * Rooms of a list for which a filter holds, in order. It is asked again for all of them only where one of the `dependencies` is another object than
   * before. Not to be changed.
   */
  view(name: string, dependencies: readonly unknown[], matches: (room: OrderedRoom) => boolean): readonly OrderedRoom[] {
    this.#load()
    let view = this.#views.get(name)
    if (view === undefined || view.dependencies.some((dependency, n) => dependency !== dependencies[n])) {
      view = { dependencies, matches, rooms: this.#listed.filter(matches) }
    }
    this.#views.delete(name)
    this.#views.set(name, view)
    for (const oldest of this.#views.keys()) {
      if (this.#views.size <= MAX_VIEWS) break
      this.#views.delete(oldest)
    }
    return view.rooms
  }

  /** Rooms that the user left by themselves after an entry of the feed, the latest first. */
  *leftSince(seq: number): Iterable<OrderedRoom> {
    this.#load()
    for (const room of this.#left) {
      if (room.lastSeq <= seq) return
      yield room
    }
  }

  #take(after: OrderedRoom): void {
    if (this.#known === undefined) return
    const before = this.#known.get(after.roomId)
    if (before !== undefined) this.#remove(before)
    this.#insert(this.#known, after)
  }

  #remove(room: OrderedRoom): void {
    if (room.standing === 'left') removeSorted(this.#left, room, compareLeaving)
    if (room.standing !== 'listed') return
    removeSorted(this.#listed, room, compareActivity)
    for (const { rooms } of this.#views.values()) removeSorted(rooms, room, compareActivity)
  }

  #insert(known: Map<string, OrderedRoom>, room: OrderedRoom): void {
    known.set(room.roomId, room)
    if (room.standing === 'left') insertSorted(this.#left, room, compareLeaving)
    if (room.standing !== 'listed') return
    insertSorted(this.#listed, room, compareActivity)
    for (const { rooms, matches } of this.#views.values()) if (matches(room)) insertSorted(rooms, room, compareActivity)
  }

  #load(): void {
    if (this.#known !== undefined) return
    const rooms = this.#rooms.ordered(this.#userId)
    this.#known = new Map(rooms.map((room) => [room.roomId, room]))
    this.#listed = rooms.filter(({ standing }) => standing === 'listed').sort(compareActivity)
    this.#left = rooms.filter(({ standing }) => standing === 'left').sort(compareLeaving)
  }
}
