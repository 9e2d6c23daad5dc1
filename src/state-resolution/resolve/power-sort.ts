import { compareCodePoints } from '../../matrix/canonical-json.ts'
import type { AuthGraph } from './auth-graph.ts'
import { senderLevel } from './sender-level.ts'
import type { Slice } from './slice.ts'

/** Progress of a {@link PowerSort}, as JSON. Arrays are parallel to the list of events to sort. */
export interface PowerSortData {
  /** Power level of each sender, and `origin_server_ts` in milliseconds, as far as they have been looked up. */
  readonly levels: readonly number[]
  readonly timestamps: readonly number[]
}

/** A {@link PowerSort} that has not begun. */
export const NO_PROGRESS: PowerSortData = { levels: [], timestamps: [] }

/**
 * Reverse topological power ordering (rooms/v2#definitions): an event comes after those it cites; otherwise the greater power level of the
 * sender first, then the lower timestamp, then the lower event ID. What a cycle keeps from being sorted is left out.
 */
export class PowerSort {
  readonly #graph: AuthGraph
  readonly #events: readonly number[]
  readonly #levels: number[]
  readonly #timestamps: number[]

  constructor(data: PowerSortData, graph: AuthGraph, events: readonly number[]) {
    this.#graph = graph
    this.#events = events
    this.#levels = [...data.levels]
    this.#timestamps = [...data.timestamps]
  }

  /** Looks up what the ordering depends on, as far as the budget allows; whether the end was reached. */
  advance({ reader, rules, budget }: Slice): boolean {
    while (!budget.exhausted) {
      const from = this.#levels.length
      const granted = budget.take(this.#events.length - from)
      if (granted === 0) return true
      const ids = this.#events.slice(from, from + granted).map((number) => this.#graph.id(number))
      reader.prefetch(ids)
      for (const id of ids) {
        const event = reader.get(id)
        this.#levels.push(event === undefined ? 0 : senderLevel(event, reader, rules))
        this.#timestamps.push(event?.originServerTs ?? 0)
      }
    }
    return false
  }

  /** The events in order, by number, once the end was reached. */
  sorted(): number[] {
    const places = new Map(this.#events.map((number, place) => [number, place]))
    const { dependants, waiting } = this.#dependencies(places)
    const ready = new Heap((left, right) => this.#compare(left, right))
    for (const [place, count] of waiting.entries()) if (count === 0) ready.push(place)
    const order: number[] = []
    for (let place = ready.pop(); place !== undefined; place = ready.pop()) {
      order.push(this.#events[place] ?? 0)
      for (const dependant of dependants[place] ?? []) {
        const left = (waiting[dependant] ?? 0) - 1
        waiting[dependant] = left
        if (left === 0) ready.push(dependant)
      }
    }
    return order
  }

  save(): PowerSortData {
    return { levels: this.#levels, timestamps: this.#timestamps }
  }

  /** For each event, by place in the list: which others cite it, and how many others it cites. */
  #dependencies(places: ReadonlyMap<number, number>): { dependants: number[][]; waiting: number[] } {
    const dependants: number[][] = this.#events.map(() => [])
    const waiting = this.#events.map((number, place) => {
      const cited = new Set(this.#graph.edges(number).flatMap((edge) => places.get(edge) ?? []))
      for (const other of cited) dependants[other]?.push(place)
      return cited.size
    })
    return { dependants, waiting }
  }

  #compare(left: number, right: number): number {
    const levels = (this.#levels[right] ?? 0) - (this.#levels[left] ?? 0)
    if (levels !== 0) return levels
    const timestamps = (this.#timestamps[left] ?? 0) - (this.#timestamps[right] ?? 0)
    if (timestamps !== 0) return timestamps
    return compareCodePoints(this.#graph.id(this.#events[left] ?? 0), this.#graph.id(this.#events[right] ?? 0))
  }
}

/** A binary heap: the least element first. */
class Heap {
  readonly #items: number[] = []
  readonly #compare: (left: number, right: number) => number

  constructor(compare: (left: number, right: number) => number) {
    this.#compare = compare
  }

  push(item: number): void {
    const items = this.#items
    let at = items.push(item) - 1
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (!this.#less(at, parent)) break
      this.#swap(at, parent)
      at = parent
    }
  }

  pop(): number | undefined {
    const items = this.#items
    const least = items[0]
    const last = items.pop()
    if (least === undefined || last === undefined || items.length === 0) return least
    items[0] = last
    let at = 0
    for (;;) {
      let child = 2 * at + 1
      if (child >= items.length) break
      if (child + 1 < items.length && this.#less(child + 1, child)) child += 1
      if (!this.#less(child, at)) break
      this.#swap(child, at)
      at = child
    }
    return least
  }

  #less(left: number, right: number): boolean {
    return this.#compare(this.#items[left] ?? 0, this.#items[right] ?? 0) < 0
  }

  #swap(left: number, right: number): void {
    const item = this.#items[left] ?? 0
    this.#items[left] = this.#items[right] ?? 0
    this.#items[right] = item
  }
}
