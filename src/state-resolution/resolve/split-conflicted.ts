import type { EventId } from '../../matrix/events/room-event.ts'
import type { StateMap, StateMapKey } from '../state-map.ts'

/** Input states divided into what they agree on and what they do not. */
export interface SplitStates {
  readonly unconflicted: ReadonlyMap<StateMapKey, EventId>
  /** The conflicted state set, each event once. */
  readonly conflicted: readonly EventId[]
  /** For each input state, the events that it has under conflicted keys, as places in {@link conflicted}. */
  readonly conflictedOf: readonly (readonly number[])[]
}

/** The same with the numbers that events have in the auth graph, which begins with the conflicted state set. */
export interface NumberedStates {
  readonly unconflicted: StateMap
  readonly conflicted: readonly (readonly number[])[]
}

/**
 * Unconflicted state map and conflicted state set of versions 2 and later: a key is unconflicted if every state has it with the same event
 * (rooms/v2#definitions).
 */
export function splitConflicted(states: readonly StateMap[]): SplitStates {
  const [first, ...others] = states
  const unconflicted = new Map<StateMapKey, EventId>()
  for (const [key, id] of first ?? []) {
    if (others.every((state) => state.get(key) === id)) unconflicted.set(key, id)
  }
  const places = new Map<EventId, number>()
  const conflictedOf = states.map((state) => {
    const own: number[] = []
    for (const [key, id] of state) {
      if (unconflicted.has(key)) continue
      const place = places.get(id) ?? places.size
      places.set(id, place)
      own.push(place)
    }
    return own
  })
  return { unconflicted, conflicted: [...places.keys()], conflictedOf }
}
