import { nowMs } from '../../runtime/clock.ts'

/** IDs that one millisecond has room for before they run ahead of the clock. */
const IDS_PER_MS = 1024

/** The lowest ID of a time, in milliseconds since the epoch. */
export function idAt(ms: number): number {
  return ms * IDS_PER_MS
}

/**
 * Ascending IDs that follow the clock. What was handed out in memory and lost in a crash is not handed out again, and a database restored from a
 * backup continues above what others have seen, without a commit to reserve anything. Within one life of the object they ascend whatever the
 * clock does.
 */
export class ClockIds {
  #last: number

  /** @param above no ID is at or below this one. */
  constructor(above: number) {
    this.#last = above
  }

  /** The latest ID handed out, or the bound that it started from. */
  get last(): number {
    return this.#last
  }

  /** The next ID, or the first of several consecutive ones. */
  next(count = 1): number {
    const first = Math.max(this.#last + 1, nowMs() * IDS_PER_MS)
    this.#last = first + count - 1
    return first
  }
}
