/** Rooms remembered; each of them may be asked for one event. */
const MAX_RECENT_ROOMS = 20

/** Rooms that a server was told of or asked about lately, in memory. */
export class RecentRooms {
  readonly #rooms = new Set<string>()

  note(roomId: string): void {
    this.#rooms.delete(roomId)
    this.#rooms.add(roomId)
    const [oldest] = this.#rooms
    if (this.#rooms.size > MAX_RECENT_ROOMS && oldest !== undefined) this.#rooms.delete(oldest)
  }

  /** The latest first. */
  list(): string[] {
    return [...this.#rooms].reverse()
  }
}
