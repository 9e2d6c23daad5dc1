import type { RoomVersionRules } from '../../matrix/room-versions/rules.ts'
import { BATCH_EVENTS, type EventReader } from './event-lookup.ts'

/** What one slice of a resolution may use. */
export interface Slice {
  readonly reader: EventReader
  readonly rules: RoomVersionRules
  readonly budget: Budget
}

/** How many events a slice may still look at. Every unbounded loop of a step spends it and stops when nothing is left. */
export class Budget {
  #left: number

  /** @param events at least one, so that every slice moves on; infinite for a resolution in one piece. */
  constructor(events: number) {
    this.#left = Math.max(1, events)
  }

  get exhausted(): boolean {
    return this.#left <= 0
  }

  /** Spends up to `wanted` events, at most one batch; how many were granted. */
  take(wanted: number): number {
    const granted = Math.min(wanted, this.#left, BATCH_EVENTS)
    this.#left -= granted
    return granted
  }
}
