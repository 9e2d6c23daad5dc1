import { MAX_LATEST_EVENTS } from './limits.ts'

interface Place {
  readonly ord: number
  readonly nid: number
}

/**
 * Which events are the latest in pagination order, in memory: what waiting clients ask for right after a commit, each for themselves. Knows all
 * events above a floor, or nothing.
 */
export class LatestEvents {
  readonly #highestStored: () => number
  /** Everything above {@link #floor}, oldest first. */
  #places: Place[] = []
  #floor: number | undefined

  /** `highestStored` answers the highest order in the database; 0 where it is empty. */
  constructor(highestStored: () => number) {
    this.#highestStored = highestStored
  }

  /** Forgets everything: a transaction was rolled back. */
  forget(): void {
    this.#places = []
    this.#floor = undefined
  }

  /** There is no event yet. */
  startEmpty(): void {
    this.#places = []
    this.#floor = -1
  }

  /** An event is about to be inserted. */
  willInsert(ord: number, nid: number): void {
    this.#floor ??= this.#highestStored()
    if (ord <= (this.#places.at(-1)?.ord ?? this.#floor)) {
      // A batch from the past. Should some of it be above the floor, what is here has a gap.
      if (ord > this.#floor) this.forget()
      return
    }
    this.#places.push({ ord, nid })
    if (this.#places.length < 2 * MAX_LATEST_EVENTS) return
    const dropped = this.#places.splice(0, MAX_LATEST_EVENTS)
    this.#floor = dropped.at(-1)?.ord ?? this.#floor
  }

  /** Numbers of the events strictly between two bounds, or `undefined` where not all of them are known. */
  page(direction: 'backwards' | 'forwards', afterOrd: number, beforeOrd: number, limit: number): number[] | undefined {
    if (this.#floor === undefined) return undefined
    const found = this.#places.filter(({ ord }) => ord > afterOrd && ord < beforeOrd)
    // Read backwards, what is below the floor is of interest only where there is too little above.
    const reachesBelow = afterOrd < this.#floor && (direction === 'forwards' || found.length < limit)
    if (reachesBelow) return undefined
    if (direction === 'backwards') found.reverse()
    return found.slice(0, limit).map(({ nid }) => nid)
  }

  /** What reading backwards from a place has found in the database, the latest first: at the end of the room it is remembered, for whoever comes next. */
  learn(afterOrd: number, beforeOrd: number, limit: number, found: readonly Place[]): void {
    if (this.#floor !== undefined || found.length > MAX_LATEST_EVENTS || this.#highestStored() >= beforeOrd) return
    const lowest = found.at(-1)
    const isAll = found.length < limit || lowest === undefined
    this.#floor = isAll ? afterOrd : lowest.ord
    this.#places = (isAll ? found : found.slice(0, -1)).toReversed()
  }
}
