import type { EventId, RoomEvent } from '../../matrix/events/room-event.ts'
import { PowerLevels } from '../../matrix/power-levels.ts'
import type { RoomVersionRules } from '../../matrix/room-versions/rules.ts'
import { createIdOfRoom } from '../auth/auth-events.ts'
import type { EventReader } from './event-lookup.ts'

/** Bound of levels while they are sorted: JSON has no infinity, which is what privileged creators have. */
const MAX_SORTED_LEVEL = Number.MAX_VALUE

/** The power level of an event's sender by the event's own auth events (rooms/v2#definitions, reverse topological power ordering). Finite. */
export function senderLevel(event: RoomEvent, reader: EventReader, rules: RoomVersionRules): number {
  const authEvents = reader.authEvents(event)
  const create = rules.roomIdIsCreateHash ? createOf(event, reader) : authEvents.find((cited) => isRoomState(cited, 'm.room.create'))
  const levels = authEvents.findLast((cited) => isRoomState(cited, 'm.room.power_levels'))
  const level = new PowerLevels(create, levels?.content, rules).userLevel(event.sender)
  return Math.max(-MAX_SORTED_LEVEL, Math.min(MAX_SORTED_LEVEL, level))
}

/** The first power-levels event among an event's auth events. */
export function citedPowerLevels(event: RoomEvent, reader: EventReader): EventId | undefined {
  return event.authEvents.find((id) => {
    const cited = reader.get(id)
    return cited !== undefined && isRoomState(cited, 'm.room.power_levels')
  })
}

/** In room version 12, the create event that an event implies; a create event implies none. */
export function createOf(event: RoomEvent, reader: EventReader): RoomEvent | undefined {
  return event.type === 'm.room.create' ? undefined : reader.get(createIdOfRoom(event.roomId))
}

/** Whether an event is the state of the room as a whole of a type, that is under the empty state key. */
export function isRoomState(event: RoomEvent, type: string): boolean {
  return event.type === type && event.stateKey === ''
}
