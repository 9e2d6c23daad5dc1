import type { EventId, RoomEvent } from '../matrix/events/room-event.ts'

/** Key of a {@link StateMap}: type and state key joined by U+0000, which event formats keep out of types. */
export type StateMapKey = string

/** Room state: the event ID of each type and state key. */
export type StateMap = ReadonlyMap<StateMapKey, EventId>

const SEPARATOR = '\u0000'

/** The {@link StateMapKey} of a type and a state key. */
export function stateMapKey(type: string, stateKey: string): StateMapKey {
  return type + SEPARATOR + stateKey
}

/** Type and state key of a {@link StateMapKey}. */
export function splitStateMapKey(key: StateMapKey): readonly [type: string, stateKey: string] {
  const at = key.indexOf(SEPARATOR)
  return at < 0 ? [key, ''] : [key.slice(0, at), key.slice(at + 1)]
}

/** The key under which a state event stands in the state; `undefined` for other events. */
export function stateMapKeyOf(event: RoomEvent): StateMapKey | undefined {
  return event.stateKey === undefined ? undefined : stateMapKey(event.type, event.stateKey)
}
