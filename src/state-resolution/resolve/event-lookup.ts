import type { EventId, RoomEvent } from '../../matrix/events/room-event.ts'

/**
 * Where resolution finds events: those of the input states and of their auth chains. Answers must not change while a resolution runs.
 * What it does not know counts as absent.
 */
export interface EventLookup {
  get(id: EventId): RoomEvent | undefined
  /** Several events at once (at most {@link BATCH_EVENTS}); what is unknown is left out. Without it, {@link get} is called for each. */
  getMany?(ids: readonly EventId[]): ReadonlyMap<EventId, RoomEvent>
  /** The `authEvents` of several events (at most {@link BATCH_EVENTS}), where reading whole events would cost more. Optional. */
  getAuthEventIds?(ids: readonly EventId[]): ReadonlyMap<EventId, readonly EventId[]>
  /** Whether the receipt checks rejected an event (server-server-api#rejection). */
  isRejected(id: EventId): boolean
}

/** Most events asked for at once. */
export const BATCH_EVENTS = 64
/** Most events held in memory between two look-ups: of the largest possible ones (64 KiB), what an isolate can afford. */
const MAX_CACHED_EVENTS = 256

/** An {@link EventLookup} read in batches, with a small memory. One lives as long as one slice, whose budget pays for what it reads. */
export class EventReader {
  readonly #lookup: EventLookup
  readonly #pay: (events: number) => void
  readonly #cache = new Map<EventId, RoomEvent>()

  /** @param pay told how many events were asked for, each time that the look-up is. */
  constructor(lookup: EventLookup, pay: (events: number) => void = () => undefined) {
    this.#lookup = lookup
    this.#pay = pay
  }

  /** One event. */
  get(id: EventId): RoomEvent | undefined {
    const cached = this.#cache.get(id)
    if (cached !== undefined) return cached
    this.#pay(1)
    const event = this.#lookup.get(id)
    if (event !== undefined) this.#keep(event)
    return event
  }

  /** Makes the next {@link get} of each cheap. */
  prefetch(ids: readonly EventId[]): void {
    if (this.#lookup.getMany === undefined) return
    const missing = ids.filter((id) => !this.#cache.has(id))
    for (let at = 0; at < missing.length; at += BATCH_EVENTS) {
      const batch = missing.slice(at, at + BATCH_EVENTS)
      this.#pay(batch.length)
      for (const event of this.#lookup.getMany(batch).values()) this.#keep(event)
    }
  }

  /** The auth events of one event, in its order; empty for an unknown event. */
  authEvents(event: RoomEvent): RoomEvent[] {
    return event.authEvents.flatMap((id) => this.get(id) ?? [])
  }

  /** IDs of the auth events of several events; what is unknown is left out. */
  authEventIds(ids: readonly EventId[]): ReadonlyMap<EventId, readonly EventId[]> {
    if (this.#lookup.getAuthEventIds !== undefined) {
      this.#pay(ids.length)
      return this.#lookup.getAuthEventIds(ids)
    }
    this.prefetch(ids)
    const found = new Map<EventId, readonly EventId[]>()
    for (const id of ids) {
      const event = this.get(id)
      if (event !== undefined) found.set(id, event.authEvents)
    }
    return found
  }

  /** Whether an event was rejected. */
  isRejected(id: EventId): boolean {
    return this.#lookup.isRejected(id)
  }

  #keep(event: RoomEvent): void {
    if (this.#cache.size >= MAX_CACHED_EVENTS) this.#cache.clear()
    this.#cache.set(event.eventId, event)
  }
}
