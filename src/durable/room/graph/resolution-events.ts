import type { EventId, RoomEvent } from '../../../matrix/events/room-event.ts'
import type { EventLookup } from '../../../state-resolution/index.ts'
import type { RoomCore } from '../room-core.ts'

/** Most bytes of events, as estimated, that a room keeps for its resolutions: more than a thousand usual ones. */
const MAX_HELD_EVENT_BYTES = 4 * 1024 * 1024
/** Rooms of one isolate that keep any; whoever resolved longest ago lets go first. */
const MAX_HOLDING_ROOMS = 4
/** Commits of a room without a resolution after which it lets go. */
const MAX_IDLE_COMMITS = 64

/**
 * What the resolutions of one turn of the event loop may cost, in events looked at: some tens of milliseconds. The one under way may go beyond; what else there is
 * to be taken in waits for the next turn.
 */
const MAX_RESOLVED_PER_TURN = 20_000
/** Estimated bytes of events read that cost as much as looking at one that is here: reading a usual one takes as long as ten such looks. */
const READ_BYTES_PER_EVENT = 256

interface HeldEvent {
  readonly event: RoomEvent
  readonly isRejected: boolean
  readonly bytes: number
}

/** What one room keeps: nothing but data, because others see to it that it is let go. */
class HeldEvents {
  readonly #byId = new Map<EventId, HeldEvent>()
  #bytes = 0

  get isEmpty(): boolean {
    return this.#byId.size === 0
  }

  get(id: EventId): HeldEvent | undefined {
    return this.#byId.get(id)
  }

  /** Keeps an event while there is room. Nothing gives way to it. */
  add(id: EventId, held: HeldEvent): void {
    if (this.#bytes + held.bytes > MAX_HELD_EVENT_BYTES) return
    this.#bytes += held.bytes
    this.#byId.set(id, held)
  }

  delete(id: EventId): void {
    this.#bytes -= this.#byId.get(id)?.bytes ?? 0
    this.#byId.delete(id)
  }

  clear(): void {
    this.#byId.clear()
    this.#bytes = 0
  }
}

const ofRooms = new WeakMap<RoomCore, ResolutionEvents>()
/** Rooms that keep events, the one that resolved last at the end. */
const holding = new Set<HeldEvents>()

/**
 * The events that a room's resolutions read, kept between them. While the branches of a fork grow, every event that comes makes the state of all of them anew, from
 * the same events but one, and reads each several times. They are read in turns: a cache that lets go of the oldest would, once too small, never have the next one.
 * This one keeps what it has and reads only the rest again. What storage changes or takes back is forgotten, so that answers are those of storage.
 */
export class ResolutionEvents implements EventLookup {
  readonly #core: RoomCore
  readonly #held = new HeldEvents()
  #roomId = ''
  #idleCommits = 0
  #turnCost = 0
  /** Events read from elsewhere since the object started, for the budget tests. */
  reads = 0

  constructor(core: RoomCore) {
    this.#core = core
    core.events.onChange = (eventId) => (eventId === undefined ? this.#held.clear() : this.#held.delete(eventId))
  }

  get(id: EventId): RoomEvent | undefined {
    return this.#find(id)?.event
  }

  isRejected(id: EventId): boolean {
    return this.#find(id)?.isRejected === true
  }

  /** A resolution begins or goes on: the room is among those that keep events. */
  hold(roomId: string): this {
    this.#roomId = roomId
    this.#idleCommits = 0
    holding.delete(this.#held)
    holding.add(this.#held)
    for (const oldest of holding) {
      if (holding.size <= MAX_HOLDING_ROOMS) break
      oldest.clear()
      holding.delete(oldest)
    }
    return this
  }

  /** Whether the resolutions of this turn have cost what they may. */
  get isTurnSpent(): boolean {
    return this.#turnCost >= MAX_RESOLVED_PER_TURN
  }

  /** A slice of a resolution has looked at so many events. */
  spend(events: number): void {
    this.#turnCost += events
  }

  /** Another turn begins. */
  beginTurn(): void {
    this.#turnCost = 0
  }

  /** The room has committed. */
  committed(): void {
    if (this.#held.isEmpty) return
    this.#idleCommits += 1
    if (this.#idleCommits <= MAX_IDLE_COMMITS) return
    this.#held.clear()
    holding.delete(this.#held)
  }

  #find(id: EventId): HeldEvent | undefined {
    const held = this.#held.get(id)
    if (held !== undefined) return held
    this.reads += 1
    const stored = this.#core.events.findById(id)
    if (stored === undefined) return undefined
    const bytes = 1000 + 3 * (stored.content.length + stored.envelope.length)
    this.#turnCost += bytes / READ_BYTES_PER_EVENT
    const found = { event: this.#core.roomEvent(stored, this.#roomId), isRejected: stored.status === 'rejected', bytes }
    if (holding.has(this.#held)) this.#held.add(id, found)
    return found
  }
}

/** What a room keeps for its resolutions. */
export function resolutionEventsOf(core: RoomCore): ResolutionEvents {
  const known = ofRooms.get(core)
  if (known !== undefined) return known
  const events = new ResolutionEvents(core)
  ofRooms.set(core, events)
  return events
}

/** A commit of a room begins, in a turn of its own. */
export function beginTurn(core: RoomCore): void {
  ofRooms.get(core)?.beginTurn()
}

/** A room has committed: what it keeps for resolutions is let go of some time after the last one. */
export function noteCommit(core: RoomCore): void {
  ofRooms.get(core)?.committed()
}
