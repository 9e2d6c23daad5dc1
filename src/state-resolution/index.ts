import type { RoomVersionRules } from '../matrix/room-versions/rules.ts'
import { ResolutionCursor } from './cursor.ts'
import { type EventLookup, EventReader } from './resolve/event-lookup.ts'
import { Budget } from './resolve/slice.ts'
import type { StateMap } from './state-map.ts'
import { startV1 } from './v1.ts'
import { startV2 } from './v2-progress.ts'

export { type ResolutionCursor, readCursor } from './cursor.ts'
export { MAX_PART_BYTES, PartReader, type StoredPart } from './cursor-parts.ts'
export { BATCH_EVENTS, type EventLookup } from './resolve/event-lookup.ts'
export { type StateMap, type StateMapKey, splitStateMapKey, stateMapKey, stateMapKeyOf } from './state-map.ts'

/** How much one slice may do. */
export interface SliceBudget {
  /**
   * Events that may be read or decided about, at least 1; steps in memory count for small fractions. What one event costs is mostly the
   * look-up's reading. A slice may go beyond by one batch and the auth events of its events.
   */
  readonly events: number
}

/** Where a slice ended. */
export type SliceResult = { readonly done: true; readonly state: StateMap } | { readonly done: false; readonly cursor: ResolutionCursor }

/** The same with what the slice has spent, in events. */
export type SpentSlice = SliceResult & { readonly spent: number }

/**
 * Begins the resolution of several room states into one (rooms/v1#state-resolution, rooms/v2#state-resolution, rooms/v12#state-resolution).
 * The result is a function of the states, the events they lead to, and the rules; neither the order of the states nor repetitions matter.
 */
export function startResolution(inputs: readonly StateMap[], rules: RoomVersionRules): ResolutionCursor {
  const { unconflicted, progress } = rules.stateResolution === 'v1' ? startV1(inputs) : startV2(inputs, rules)
  return new ResolutionCursor(rules.version, unconflicted, progress)
}

/**
 * Goes on with a resolution for one slice. The cursor moves on and comes back; to store it, take its `parts()` (or `JSON.stringify` for a
 * small one), and resume what {@link readCursor} makes of the value that a {@link PartReader} puts together. If the look-up throws, so does
 * this, and only a stored cursor can be resumed.
 */
export function stepResolution(cursor: ResolutionCursor, lookup: EventLookup, rules: RoomVersionRules, budget: SliceBudget): SpentSlice {
  const spending = new Budget(budget.events)
  const reader = new EventReader(lookup, (events) => spending.spend(events))
  const state = cursor.advance({ reader, rules, budget: spending })
  const { spent } = spending
  return state === undefined ? { done: false, cursor, spent } : { done: true, state, spent }
}

/** Resolves several room states into one without interruption: {@link startResolution}, then slices to the end. */
export function resolveState(inputs: readonly StateMap[], lookup: EventLookup, rules: RoomVersionRules): StateMap {
  let result: SliceResult = { done: false, cursor: startResolution(inputs, rules) }
  while (!result.done) result = stepResolution(result.cursor, lookup, rules, { events: Number.POSITIVE_INFINITY })
  return result.state
}
