import { compareCodePoints } from '../../matrix/canonical-json.ts'
import type { AuthGraph } from './auth-graph.ts'
import { Heap } from './heap.ts'
import { senderLevel } from './sender-level.ts'
import type { Slice } from './slice.ts'

/** Progress of a {@link PowerSort}, as JSON. An event's place is its index in the list of events to sort. */
export interface PowerSortData {
  /** By place: power level of the sender, and `origin_server_ts` in milliseconds, as far as they have been looked up. */
  readonly levels: readonly number[]
  readonly timestamps: readonly number[]
  /** By place, as far as the events' citations have been noted: how many events of the list, not yet sorted, it cites. */
  readonly waiting: readonly number[]
  /** By place: its first citation among {@link citing}, or -1. */
  readonly firstCitation: readonly number[]
  /** By citation: the place of the event that cites, and the next citation of the same event, or -1. */
  readonly citing: readonly number[]
  readonly nextCitation: readonly number[]
  /** Places of events that can come next, in the order of a {@link Heap}. */
  readonly ready: readonly number[]
  /** Places of the events sorted so far. */
  readonly order: readonly number[]
}

const NONE = -1

/** A {@link PowerSort} that has not begun. */
export const NO_PROGRESS: PowerSortData = {
  levels: [],
  timestamps: [],
  waiting: [],
  firstCitation: [],
  citing: [],
  nextCitation: [],
  ready: [],
  order: [],
}

/**
 * Reverse topological power ordering (rooms/v2#definitions): an event comes after those it cites; otherwise the greater power level of the
 * sender first, then the lower timestamp, then the lower event ID. What a cycle keeps from being sorted is left out.
 */
export class PowerSort {
  readonly #graph: AuthGraph
  readonly #events: readonly number[]
  readonly #levels: number[]
  readonly #timestamps: number[]
  readonly #waiting: number[]
  readonly #firstCitation: number[]
  readonly #citing: number[]
  readonly #nextCitation: number[]
  readonly #ready: Heap
  readonly #order: number[]
  /** By number of an event: its place and one, or 0 if it is not to be sorted. */
  readonly #places: number[]

  /** @param events the events to sort, by number. */
  constructor(data: PowerSortData, graph: AuthGraph, events: readonly number[]) {
    this.#graph = graph
    this.#events = events
    this.#levels = [...data.levels]
    this.#timestamps = [...data.timestamps]
    this.#waiting = [...data.waiting]
    this.#firstCitation = data.firstCitation.length > 0 ? [...data.firstCitation] : new Array<number>(events.length).fill(NONE)
    this.#citing = [...data.citing]
    this.#nextCitation = [...data.nextCitation]
    this.#places = new Array<number>(graph.size).fill(0)
    for (const [place, number] of events.entries()) this.#places[number] = place + 1
    this.#ready = new Heap([...data.ready], (left, right) => this.#compare(left, right))
    this.#order = [...data.order]
  }

  /** Goes on as far as the budget allows; whether the end was reached. */
  advance(slice: Slice): boolean {
    while (!slice.budget.exhausted) {
      if (this.#levels.length < this.#events.length) this.#lookUp(slice)
      else if (this.#waiting.length < this.#events.length) this.#noteCitations(slice)
      else if (this.#ready.size > 0) this.#place(slice)
      else return true
    }
    return false
  }

  /** The events in order, by number, once the end was reached. */
  sorted(): number[] {
    return this.#order.map((place) => this.#events[place] ?? 0)
  }

  save(): PowerSortData {
    return {
      levels: this.#levels,
      timestamps: this.#timestamps,
      waiting: this.#waiting,
      firstCitation: this.#firstCitation,
      citing: this.#citing,
      nextCitation: this.#nextCitation,
      ready: this.#ready.items(),
      order: this.#order,
    }
  }

  /** Finds out what the ordering of a batch depends on. */
  #lookUp({ reader, rules, budget }: Slice): void {
    const from = this.#levels.length
    const granted = budget.take(this.#events.length - from)
    const ids = this.#events.slice(from, from + granted).map((number) => this.#graph.id(number))
    reader.prefetch(ids)
    for (const id of ids) {
      const event = reader.get(id)
      this.#levels.push(event === undefined ? 0 : senderLevel(event, reader, rules))
      this.#timestamps.push(event?.originServerTs ?? 0)
    }
  }

  /** Notes who waits for whom. Who waits for nobody comes first. */
  #noteCitations({ budget }: Slice): void {
    for (let granted = budget.takeSteps(this.#events.length - this.#waiting.length); granted > 0; granted--) {
      const place = this.#waiting.length
      let waiting = 0
      for (const cited of this.#graph.edges(this.#events[place] ?? 0)) {
        const citedPlace = (this.#places[cited] ?? 0) - 1
        if (citedPlace < 0) continue
        this.#nextCitation.push(this.#firstCitation[citedPlace] ?? NONE)
        this.#firstCitation[citedPlace] = this.#citing.push(place) - 1
        waiting += 1
      }
      this.#waiting.push(waiting)
      if (waiting === 0) this.#ready.push(place)
    }
  }

  #place({ budget }: Slice): void {
    for (let granted = budget.takeSteps(this.#ready.size); granted > 0; granted--) {
      const place = this.#ready.pop()
      if (place === undefined) return
      this.#order.push(place)
      for (let citation = this.#firstCitation[place] ?? NONE; citation !== NONE; citation = this.#nextCitation[citation] ?? NONE) {
        budget.spendSteps(1)
        const dependant = this.#citing[citation] ?? 0
        const left = (this.#waiting[dependant] ?? 0) - 1
        this.#waiting[dependant] = left
        if (left === 0) this.#ready.push(dependant)
      }
    }
  }

  #compare(left: number, right: number): number {
    const levels = (this.#levels[right] ?? 0) - (this.#levels[left] ?? 0)
    if (levels !== 0) return levels
    const timestamps = (this.#timestamps[left] ?? 0) - (this.#timestamps[right] ?? 0)
    if (timestamps !== 0) return timestamps
    return compareCodePoints(this.#graph.id(this.#events[left] ?? 0), this.#graph.id(this.#events[right] ?? 0))
  }
}
