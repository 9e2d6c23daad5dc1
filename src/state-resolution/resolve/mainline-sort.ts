import { compareCodePoints } from '../../matrix/canonical-json.ts'
import type { EventId } from '../../matrix/events/room-event.ts'
import type { EventReader } from './event-lookup.ts'
import { citedPowerLevels } from './sender-level.ts'
import type { Slice } from './slice.ts'

/** Progress of a {@link MainlineSort}, as JSON. */
export interface MainlineSortData {
  /** Power-levels events whose place is known: the mainline itself, and what branches off it. */
  readonly places: readonly (readonly [EventId, number])[]
  /** The next event of the mainline to note; `null` once it is complete. */
  readonly mainlineNext: EventId | null
  readonly mainlineLength: number
  /** Power-levels events between the event at hand and the mainline. */
  readonly path: readonly EventId[]
  /** The next event on that path; `null` between two events. */
  readonly pathNext: EventId | null
  /** Place and `origin_server_ts` (milliseconds) of the events to sort, as far as they are known. */
  readonly positions: readonly number[]
  readonly timestamps: readonly number[]
}

/** A {@link MainlineSort} that has not begun. */
export function mainlineFrom(powerLevels: EventId | undefined): MainlineSortData {
  return {
    places: [],
    mainlineNext: powerLevels ?? null,
    mainlineLength: 0,
    path: [],
    pathNext: null,
    positions: [],
    timestamps: [],
  }
}

/**
 * Place of what no part of the mainline is behind: the specification's ∞. Places count from 0 at the head of the mainline, which is the
 * resolved power-levels event, back to the oldest.
 */
const OFF_MAINLINE = Number.MAX_SAFE_INTEGER
/** Place of an event on the path at hand, so that a cycle is noticed. */
const ON_PATH = -1

/**
 * Mainline ordering (rooms/v2#definitions): events that rest on older power levels first, then the lower timestamp, then the lower event ID.
 */
export class MainlineSort {
  readonly #events: readonly EventId[]
  readonly #places: Map<EventId, number>
  #mainlineNext: EventId | null
  #mainlineLength: number
  readonly #path: EventId[]
  #pathNext: EventId | null
  readonly #positions: number[]
  readonly #timestamps: number[]

  constructor(data: MainlineSortData, events: readonly EventId[]) {
    this.#events = events
    this.#places = new Map(data.places)
    this.#mainlineNext = data.mainlineNext
    this.#mainlineLength = data.mainlineLength
    this.#path = [...data.path]
    this.#pathNext = data.pathNext
    this.#positions = [...data.positions]
    this.#timestamps = [...data.timestamps]
  }

  /** Finds the places of the events, as far as the budget allows; whether the end was reached. */
  advance({ reader, budget }: Slice): boolean {
    while (!budget.exhausted) {
      if (this.#mainlineNext !== null) {
        budget.take(1)
        this.#extendMainline(this.#mainlineNext, reader)
      } else if (this.#pathNext !== null) {
        budget.take(1)
        this.#followPath(this.#pathNext, reader)
      } else if (this.#positions.length === this.#events.length) {
        return true
      } else {
        budget.take(1)
        this.#beginEvent(this.#positions.length, reader)
      }
    }
    return false
  }

  /** The events in order, once the end was reached. */
  sorted(): EventId[] {
    const order = this.#events.map((id, at) => ({
      id,
      position: this.#positions[at] ?? OFF_MAINLINE,
      timestamp: this.#timestamps[at] ?? 0,
    }))
    order.sort((left, right) => right.position - left.position || left.timestamp - right.timestamp || compareCodePoints(left.id, right.id))
    return order.map(({ id }) => id)
  }

  save(): MainlineSortData {
    return {
      places: [...this.#places],
      mainlineNext: this.#mainlineNext,
      mainlineLength: this.#mainlineLength,
      path: this.#path,
      pathNext: this.#pathNext,
      positions: this.#positions,
      timestamps: this.#timestamps,
    }
  }

  #extendMainline(id: EventId, reader: EventReader): void {
    this.#places.set(id, this.#mainlineLength)
    this.#mainlineLength += 1
    const next = powerLevelsBefore(id, reader)
    // A cycle ends the mainline: its events have their places.
    this.#mainlineNext = next === undefined || this.#places.has(next) ? null : next
  }

  #beginEvent(at: number, reader: EventReader): void {
    if (at % PREFETCH === 0) reader.prefetch(this.#events.slice(at, at + PREFETCH))
    const event = reader.get(this.#events[at] ?? '')
    this.#timestamps.push(event?.originServerTs ?? 0)
    const first = event && citedPowerLevels(event, reader)
    if (first === undefined) this.#positions.push(OFF_MAINLINE)
    else this.#arrive(first)
  }

  #followPath(id: EventId, reader: EventReader): void {
    this.#path.push(id)
    this.#places.set(id, ON_PATH)
    const next = powerLevelsBefore(id, reader)
    if (next === undefined) this.#settle(OFF_MAINLINE)
    else this.#arrive(next)
  }

  /** Comes to a power-levels event on the way from the event at hand. */
  #arrive(id: EventId): void {
    const place = this.#places.get(id)
    if (place === undefined) this.#pathNext = id
    else this.#settle(place === ON_PATH ? OFF_MAINLINE : place)
  }

  /** The event at hand and everything on its path have this place. */
  #settle(place: number): void {
    for (const id of this.#path) this.#places.set(id, place)
    this.#path.length = 0
    this.#pathNext = null
    this.#positions.push(place)
  }
}

/** Events read at once. */
const PREFETCH = 64

function powerLevelsBefore(id: EventId, reader: EventReader): EventId | undefined {
  const event = reader.get(id)
  return event && citedPowerLevels(event, reader)
}
