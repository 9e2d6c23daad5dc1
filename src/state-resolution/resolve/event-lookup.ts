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
/** Most events held in memory between two look-ups. */
const MAX_CACHED_EVENTS = 1024

/** An {@link EventLookup} read in batches, with a small memory. One lives as long as one slice. */
export class EventReader {
  readonly #lookup: EventLookup
  readonly #cache = new Map<EventId, RoomEvent>()

  constructor(lookup: EventLookup) {
    this.#lookup = lookup
  }

  /** One event. */
  get(id: EventId): RoomEvent | undefined {
    const cached = this.#cache.get(id)
    if (cached !== undefined) return cached
    const event = this.#lookup.get(id)
    if (event !== undefined) this.#keep(event)
    return event
  }

  /** Makes the next {@link get} of each cheap. */
  prefetch(ids: readonly EventId[]): void {
    if (this.#lookup.getMany === undefined) return
    const missing = ids.filter((id) => !this.#cache.has(id))
    for (let at = 0; at < missing.length; at += BATCH_EVENTS) {
      for (const event of this.#lookup.getMany(missing.slice(at, at + BATCH_EVENTS)).values()) this.#keep(event)
    }
  }

  /** The auth events of one event, in its order; empty for an unknown event. */
  authEvents(event: RoomEvent): RoomEvent[] {
    return event.authEvents.flatMap((id) => this.get(id) ?? [])
  }

  /** IDs of the auth events of several events; what is unknown is left out. */
  authEventIds(ids: readonly EventId[]): ReadonlyMap<EventId, readonly EventId[]> {
    if (this.#lookup.getAuthEventIds !== undefined) return this.#lookup.getAuthEventIds(ids)
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
