import { compareCodePoints } from '../../matrix/canonical-json.ts'
import type { EventId } from '../../matrix/events/room-event.ts'
import type { EventReader } from './event-lookup.ts'
import { Heap } from './heap.ts'
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
  /** Places in the list of the events whose positions are known and that are not sorted yet, in the order of a {@link Heap}. */
  readonly waiting: readonly number[]
  /** Places in the list of the events sorted so far. */
  readonly order: readonly number[]
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
    waiting: [],
    order: [],
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
  readonly #waiting: Heap
  readonly #order: number[]

  constructor(data: MainlineSortData, events: readonly EventId[]) {
    this.#events = events
    this.#places = new Map(data.places)
    this.#mainlineNext = data.mainlineNext
    this.#mainlineLength = data.mainlineLength
    this.#path = [...data.path]
    this.#pathNext = data.pathNext
    this.#positions = [...data.positions]
    this.#timestamps = [...data.timestamps]
    this.#waiting = new Heap([...data.waiting], (left, right) => this.#compare(left, right))
    this.#order = [...data.order]
  }

  /** Finds the places of the events and brings them into order, as far as the budget allows; whether the end was reached. */
  advance({ reader, budget }: Slice): boolean {
    while (!budget.exhausted) {
      if (this.#mainlineNext !== null) {
        budget.take(1)
        this.#extendMainline(this.#mainlineNext, reader)
      } else if (this.#pathNext !== null) {
        budget.take(1)
        this.#followPath(this.#pathNext, reader)
      } else if (this.#positions.length < this.#events.length) {
        budget.take(1)
        this.#beginEvent(this.#positions.length, reader)
      } else if (this.#waiting.size > 0) {
        this.#sort(budget.takeSteps(this.#waiting.size))
      } else {
        return true
      }
    }
    return false
  }

  /** The events in order, once the end was reached. */
  sorted(): EventId[] {
    return this.#order.map((place) => this.#events[place] ?? '')
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
      waiting: this.#waiting.items(),
      order: this.#order,
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
    if (first === undefined) this.#note(OFF_MAINLINE)
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
    this.#note(place)
  }

  /** Notes the position of the event at hand. */
  #note(position: number): void {
    this.#waiting.push(this.#positions.push(position) - 1)
  }

  #sort(events: number): void {
    for (let left = events; left > 0; left--) {
      const place = this.#waiting.pop()
      if (place !== undefined) this.#order.push(place)
    }
  }

  #compare(left: number, right: number): number {
    const positions = (this.#positions[right] ?? OFF_MAINLINE) - (this.#positions[left] ?? OFF_MAINLINE)
    if (positions !== 0) return positions
    const timestamps = (this.#timestamps[left] ?? 0) - (this.#timestamps[right] ?? 0)
    return timestamps !== 0 ? timestamps : compareCodePoints(this.#events[left] ?? '', this.#events[right] ?? '')
  }
}

/** Events read at once. */
const PREFETCH = 64

function powerLevelsBefore(id: EventId, reader: EventReader): EventId | undefined {
  const event = reader.get(id)
  return event && citedPowerLevels(event, reader)
}
