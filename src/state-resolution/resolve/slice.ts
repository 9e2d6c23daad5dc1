import type { RoomVersionRules } from '../../matrix/room-versions/rules.ts'
import { BATCH_EVENTS, type EventReader } from './event-lookup.ts'

/** What one slice of a resolution may use. */
export interface Slice {
  readonly reader: EventReader
  readonly rules: RoomVersionRules
  readonly budget: Budget
}

/** Steps on numbers in memory that cost as much as looking at one event: those take about a tenth of a microsecond, this some microseconds. */
const STEPS_PER_EVENT = 32
/** Most steps between two looks at the budget. */
const BATCH_STEPS = 1024

/**
 * What a slice may still spend, in events: one for each event that is decided about, one for each that is read, and a fraction for each step
 * on numbers in memory. Every loop whose length an input decides spends it, and stops when nothing is left; only the reading of the batch at
 * hand can go beyond, by that batch with the auth events of its events.
 */
export class Budget {
  #left: number
  /** What has been spent. */
  spent = 0

  /** @param events at least one, so that every slice moves on; infinite for a resolution in one piece. */
  constructor(events: number) {
    this.#left = Math.max(1, events)
  }

  get exhausted(): boolean {
    return this.#left <= 0
  }

  /** Spends up to `wanted` events, at most one batch; how many were granted. */
  take(wanted: number): number {
    const granted = Math.min(wanted, Math.ceil(this.#left), BATCH_EVENTS)
    this.spend(granted)
    return granted
  }

  /** Spends up to `wanted` steps; how many were granted. */
  takeSteps(wanted: number): number {
    const granted = Math.min(wanted, Math.ceil(this.#left * STEPS_PER_EVENT), BATCH_STEPS)
    this.spendSteps(granted)
    return granted
  }

  /** Spends events that cannot be put off, such as those that have been read already. */
  spend(events: number): void {
    this.spent += events
    this.#left -= events
  }

  /** Spends steps that cannot be put off. */
  spendSteps(steps: number): void {
    this.spend(steps / STEPS_PER_EVENT)
  }
}
