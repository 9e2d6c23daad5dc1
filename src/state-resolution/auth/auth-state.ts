import type { RoomEvent } from '../../matrix/events/room-event.ts'
import { PowerLevels } from '../../matrix/power-levels.ts'
import type { RoomVersionRules } from '../../matrix/room-versions/rules.ts'
import { type StateMapKey, stateMapKey } from '../state-map.ts'

/** The room state that an event is checked against: its auth events, the state before it, or the current state. */
export interface AuthState {
  /** The state event of a type and state key, or `undefined`. */
  get(type: string, stateKey: string): RoomEvent | undefined
  /** The room's create event. Apart from the rest because in room version 12 no event cites it. */
  readonly create: RoomEvent | undefined
}

/**
 * An {@link AuthState} of a list of state events, such as an event's auth events. A later entry of the same type and state key wins.
 * @param create the room's create event; needed in room version 12, otherwise the one among the events is taken.
 */
export function authStateOf(events: Iterable<RoomEvent>, create?: RoomEvent): AuthState {
  const byKey = new Map<StateMapKey, RoomEvent>()
  for (const event of events) {
    if (event.stateKey !== undefined) byKey.set(stateMapKey(event.type, event.stateKey), event)
  }
  return {
    get: (type, stateKey) => byKey.get(stateMapKey(type, stateKey)),
    create: create ?? byKey.get(stateMapKey('m.room.create', '')),
  }
}

/** A user's membership in a state; `undefined` for users who never had one. */
export function membershipOf(state: AuthState, userId: string): string | undefined {
  const membership = state.get('m.room.member', userId)?.content.membership
  return typeof membership === 'string' ? membership : undefined
}

/** The join rule of a state: `invite` unless a join-rules event says otherwise (client-server-api#mroomjoin_rules). */
export function joinRuleOf(state: AuthState): string | undefined {
  const joinRule = state.get('m.room.join_rules', '')?.content.join_rule
  if (joinRule === undefined) return 'invite'
  return typeof joinRule === 'string' ? joinRule : undefined
}

/** The power levels in force in a state. */
export function powerLevelsOf(state: AuthState, rules: RoomVersionRules): PowerLevels {
  return new PowerLevels(state.create, state.get('m.room.power_levels', '')?.content, rules)
}
