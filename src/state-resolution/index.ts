import type { RoomVersionRules } from '../matrix/room-versions/rules.ts'
import { CURSOR_FORMAT, type ResolutionCursor } from './cursor.ts'
import { type EventLookup, EventReader } from './resolve/event-lookup.ts'
import { Budget, type Slice } from './resolve/slice.ts'
import type { StateMap } from './state-map.ts'
import { advanceV1, startV1 } from './v1.ts'
import { startV2, V2Resolution } from './v2.ts'

export { type ResolutionCursor, readCursor } from './cursor.ts'
export { BATCH_EVENTS, type EventLookup } from './resolve/event-lookup.ts'
export { type StateMap, type StateMapKey, splitStateMapKey, stateMapKey, stateMapKeyOf } from './state-map.ts'

/** How much one slice may do. */
export interface SliceBudget {
  /** Events that may be looked at; each costs its own reading and that of up to ten auth events. At least 1. */
  readonly events: number
}

/** Where a slice ended. */
export type SliceResult = { readonly done: true; readonly state: StateMap } | { readonly done: false; readonly cursor: ResolutionCursor }

/**
 * Begins the resolution of several room states into one (rooms/v1#state-resolution, rooms/v2#state-resolution, rooms/v12#state-resolution).
 * The result is a function of the states, the events they lead to, and the rules; neither the order of the states nor repetitions matter.
 */
export function startResolution(inputs: readonly StateMap[], rules: RoomVersionRules): ResolutionCursor {
  const header = { format: CURSOR_FORMAT, roomVersion: rules.version } as const
  const { unconflicted, progress } = rules.stateResolution === 'v1' ? startV1(inputs) : startV2(inputs, rules)
  return { ...header, unconflicted: [...unconflicted], progress }
}

/** Goes on with a resolution for one slice. The cursor is left as it was. */
export function stepResolution(cursor: ResolutionCursor, lookup: EventLookup, rules: RoomVersionRules, budget: SliceBudget): SliceResult {
  const unconflicted = new Map(cursor.unconflicted)
  const slice: Slice = { reader: new EventReader(lookup), rules, budget: new Budget(budget.events) }
  const { progress } = cursor
  if (progress.algorithm === 'v1') {
    const result = advanceV1(progress, unconflicted, slice)
    if (!result.done) return { done: false, cursor: { ...cursor, progress: result.progress } }
    return { done: true, state: new Map([...unconflicted, ...result.resolved]) }
  }
  const resolution = new V2Resolution(progress, unconflicted, rules)
  const resolved = resolution.advance(slice)
  if (resolved === undefined) return { done: false, cursor: { ...cursor, progress: resolution.save() } }
  // Unconflicted entries prevail over what the resolution found under their keys.
  return { done: true, state: new Map([...resolved, ...unconflicted]) }
}

/** Resolves several room states into one without interruption: {@link startResolution}, then slices to the end. */
export function resolveState(inputs: readonly StateMap[], lookup: EventLookup, rules: RoomVersionRules): StateMap {
  let result: SliceResult = { done: false, cursor: startResolution(inputs, rules) }
  while (!result.done) result = stepResolution(result.cursor, lookup, rules, { events: Number.POSITIVE_INFINITY })
  return result.state
}
