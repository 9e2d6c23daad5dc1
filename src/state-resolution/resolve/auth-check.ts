import type { EventId, RoomEvent } from '../../matrix/events/room-event.ts'
import type { RoomVersionRules } from '../../matrix/room-versions/rules.ts'
import type { AuthState } from '../auth/auth-state.ts'
import { checkAuth } from '../auth/check-auth.ts'
import { type StateMap, type StateMapKey, stateMapKey, stateMapKeyOf } from '../state-map.ts'
import type { EventReader } from './event-lookup.ts'
import { createOf } from './sender-level.ts'
import type { Slice } from './slice.ts'

/** Progress of an {@link IterativeAuthCheck}, as JSON. */
export interface AuthCheckData {
  /** How many events of the list have been decided. */
  readonly decided: number
  /** Entries added to the initial state. */
  readonly resolved: readonly (readonly [StateMapKey, EventId])[]
}

/** An {@link IterativeAuthCheck} that has not begun. */
export const NOTHING_DECIDED: AuthCheckData = { decided: 0, resolved: [] }

/**
 * The iterative auth checks algorithm (rooms/v2#definitions): goes through a list of state events and adds to the state each that the
 * authorization rules allow in the state so far. What the rules need and the state lacks comes from the event's own auth events, unless
 * rejected.
 *
 * A rejected event is never added. The specification would let one in that only failed against the state before it; this server, like the
 * most deployed one, keeps its verdict.
 */
export class IterativeAuthCheck {
  readonly #events: readonly EventId[]
  readonly #initial: StateMap
  readonly #resolved: Map<StateMapKey, EventId>
  #decided: number

  /** @param initial the state to start from, below {@link AuthCheckData.resolved}. */
  constructor(data: AuthCheckData, events: readonly EventId[], initial: StateMap) {
    this.#events = events
    this.#initial = initial
    this.#resolved = new Map(data.resolved)
    this.#decided = data.decided
  }

  /** Goes on as far as the budget allows; whether the end was reached. */
  advance({ reader, rules, budget }: Slice): boolean {
    while (!budget.exhausted) {
      const granted = budget.take(this.#events.length - this.#decided)
      if (granted === 0) return true
      const batch = this.#events.slice(this.#decided, this.#decided + granted)
      reader.prefetch(batch)
      for (const id of batch) this.#decide(id, reader, rules)
      this.#decided += granted
    }
    return false
  }

  /** Entries added to the initial state so far. */
  get resolved(): StateMap {
    return this.#resolved
  }

  save(): AuthCheckData {
    return { decided: this.#decided, resolved: [...this.#resolved] }
  }

  #decide(id: EventId, reader: EventReader, rules: RoomVersionRules): void {
    const event = reader.get(id)
    const key = event && stateMapKeyOf(event)
    if (event === undefined || key === undefined || reader.isRejected(id)) return
    if (checkAuth(event, this.#stateFor(event, reader, rules), rules).allowed) this.#resolved.set(key, id)
  }

  #stateFor(event: RoomEvent, reader: EventReader, rules: RoomVersionRules): AuthState {
    const usable = (found: RoomEvent | undefined) => (found !== undefined && !reader.isRejected(found.eventId) ? found : undefined)
    const get = (type: string, stateKey: string): RoomEvent | undefined => {
      const key = stateMapKey(type, stateKey)
      const id = this.#resolved.get(key) ?? this.#initial.get(key)
      const current = id === undefined ? undefined : usable(reader.get(id))
      return current ?? citedState(event, type, stateKey, reader)
    }
    const implied = rules.roomIdIsCreateHash ? usable(createOf(event, reader)) : undefined
    return { get, create: get('m.room.create', '') ?? implied }
  }
}

/** The entry of an event's own auth events for a type and state key: the last one that was not rejected. */
function citedState(event: RoomEvent, type: string, stateKey: string, reader: EventReader): RoomEvent | undefined {
  for (let at = event.authEvents.length - 1; at >= 0; at--) {
    const id = event.authEvents[at]
    const cited = id === undefined ? undefined : reader.get(id)
    if (cited?.type === type && cited.stateKey === stateKey && !reader.isRejected(cited.eventId)) return cited
  }
  return undefined
}
