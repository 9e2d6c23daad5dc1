import type { EventId } from '../../matrix/events/room-event.ts'
import type { StateMap, StateMapKey } from '../state-map.ts'

/** Input states divided into what they agree on and what they do not. */
export interface SplitStates {
  readonly unconflicted: ReadonlyMap<StateMapKey, EventId>
  /** For each input state, the events that it has under conflicted keys. */
  readonly conflicted: readonly (readonly EventId[])[]
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
  const conflicted = states.map((state) => {
    const ids: EventId[] = []
    for (const [key, id] of state) {
      if (!unconflicted.has(key)) ids.push(id)
    }
    return ids
  })
  return { unconflicted, conflicted }
}
