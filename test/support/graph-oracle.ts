import type { EventId, RoomEvent } from '../../src/matrix/events/room-event.ts'
import type { RoomVersionRules } from '../../src/matrix/room-versions/rules.ts'
import type { AuthState } from '../../src/state-resolution/auth/auth-state.ts'
import { checkAgainstAuthEvents, checkAuth } from '../../src/state-resolution/auth/check-auth.ts'
import { resolveState, type StateMap, stateMapKey, stateMapKeyOf } from '../../src/state-resolution/index.ts'

/**
 * What a room's state is at each of its events, worked out anew from the whole graph and the pure rules: no storage, no order of arrival, no
 * shortcuts. To compare with what a server holds that has received the events one way or another.
 */
export class GraphOracle {
  readonly #events: ReadonlyMap<EventId, RoomEvent>
  readonly #rules: RoomVersionRules
  readonly #after = new Map<EventId, StateMap>()
  readonly #rejected = new Set<EventId>()

  constructor(events: ReadonlyMap<EventId, RoomEvent>, rules: RoomVersionRules) {
    this.#events = events
    this.#rules = rules
  }

  /** Says what the state after an event is, where what is before it is not known: where the graph begins. */
  begin(event: RoomEvent, before: Iterable<RoomEvent>): void {
    const state = new Map([...before].map((one) => [stateMapKeyOf(one) ?? stateMapKey('', ''), one.eventId]))
    this.#after.set(event.eventId, applied(state, event))
  }

  /** The state before an event. */
  before(event: RoomEvent): StateMap {
    return this.resolved(event.prevEvents)
  }

  /** The state after several events together. */
  resolved(ids: readonly EventId[]): StateMap {
    const states = [...new Set(ids)].map((id) => this.after(id))
    const [only] = states
    if (only !== undefined && states.length === 1) return only
    return resolveState(states, { get: (id) => this.#events.get(id), isRejected: (id) => this.#rejected.has(id) }, this.#rules)
  }

  /** The state after an event. */
  after(id: EventId): StateMap {
    const known = this.#after.get(id)
    if (known !== undefined) return known
    const event = this.#events.get(id)
    if (event === undefined) throw new Error(`${id} is not part of the graph`)
    const before = this.before(event)
    const isAllowed = this.#isAllowed(event, before)
    if (!isAllowed) this.#rejected.add(id)
    const after = isAllowed ? applied(before, event) : before
    this.#after.set(id, after)
    return after
  }

  /** Whether an event is rejected, wherever it is seen. */
  isRejected(id: EventId): boolean {
    this.after(id)
    return this.#rejected.has(id)
  }

  #isAllowed(event: RoomEvent, before: StateMap): boolean {
    const state = this.#authState(before)
    const auth = event.authEvents.flatMap((id) => this.#events.get(id) ?? [])
    const isRejected = (id: EventId): boolean => this.#rejected.has(id)
    return (
      checkAgainstAuthEvents(event, auth, isRejected, this.#rules, state.create).allowed && checkAuth(event, state, this.#rules).allowed
    )
  }

  #authState(state: StateMap): AuthState {
    const get = (type: string, stateKey: string): RoomEvent | undefined => this.#events.get(state.get(stateMapKey(type, stateKey)) ?? '')
    return { get, create: get('m.room.create', '') }
  }
}

function applied(before: StateMap, event: RoomEvent): StateMap {
  const key = stateMapKeyOf(event)
  return key === undefined ? before : new Map([...before, [key, event.eventId]])
}
