import { nowMs } from './clock.ts'

/** Gives a place back; again and again does no harm. */
export type Leave = () => void

/**
 * A bounded number of places for work of one isolate. The platform may end a request anywhere, and then nothing that was to follow runs: a place that was not
 * given back is free again after its lease. Requests must not wait for promises of one another, so whoever waits looks.
 */
export class Places {
  readonly #taken = new Set<{ readonly sinceMs: number }>()
  readonly #max: number
  readonly #leaseMs: number

  /** @param leaseMs longer than the work takes, in milliseconds. */
  constructor(max: number, leaseMs: number) {
    this.#max = max
    this.#leaseMs = leaseMs
  }

  /** Takes a place, if there is one. */
  take(): Leave | undefined {
    const sinceMs = nowMs()
    for (const place of this.#taken) if (Math.abs(sinceMs - place.sinceMs) > this.#leaseMs) this.#taken.delete(place)
    if (this.#taken.size >= this.#max) return undefined
    const place = { sinceMs }
    this.#taken.add(place)
    return () => this.#taken.delete(place)
  }

  /** Waits for a place; `undefined` if there is none in time. */
  async wait(timeoutMs: number, pauseMs: number): Promise<Leave | undefined> {
    for (let waitedMs = 0; ; waitedMs += pauseMs) {
      const leave = this.take()
      if (leave !== undefined || waitedMs >= timeoutMs) return leave
      await new Promise((resolve) => setTimeout(resolve, pauseMs))
    }
  }
}
