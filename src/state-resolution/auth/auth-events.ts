import { roomIdOfCreateEvent } from '../../matrix/events/event-hashes.ts'
import type { EventId, RoomEvent } from '../../matrix/events/room-event.ts'
import type { RoomVersionRules } from '../../matrix/room-versions/rules.ts'
import { stateMapKey } from '../state-map.ts'
import { authTypesFor } from './auth-types.ts'
import { authEventsRuleNumbers, ruleNumbers } from './rule-numbers.ts'
import { ALLOWED, refuse, type Verdict } from './verdict.ts'

/**
 * Rule 2 of version 12: the room is that of an accepted create event.
 * @param create the create event that this server holds for the room.
 */
export function checkRoomOfCreate(
  event: RoomEvent,
  create: RoomEvent | undefined,
  isRejected: (id: EventId) => boolean,
  rules: RoomVersionRules,
): Verdict {
  // 2. If the event's room_id is not an event ID for an accepted (not rejected) m.room.create event, with the sigil ! instead of $, reject.
  if (!rules.roomIdIsCreateHash) return ALLOWED
  if (create?.type === 'm.room.create' && event.roomId === roomIdOfCreateEvent(create.eventId) && !isRejected(create.eventId))
    return ALLOWED
  return refuse(
    ruleNumbers(rules).roomId,
    'room_without_accepted_create',
    `No accepted create event is known for the room ${event.roomId}.`,
  )
}

/** In room version 12, the ID of the create event of a room. */
export function createIdOfRoom(roomId: string): EventId {
  return `$${roomId.slice(1)}`
}

/**
 * Rule 2 (versions 1 to 11) or 3 (version 12): what an event may cite as its authorization.
 * @param authEvents the events that `event.authEvents` name; an event that is not among them counts as unusable.
 */
export function checkAuthEvents(
  event: RoomEvent,
  authEvents: readonly RoomEvent[],
  isRejected: (id: EventId) => boolean,
  rules: RoomVersionRules,
): Verdict {
  const byId = new Map(authEvents.map((authEvent) => [authEvent.eventId, authEvent]))
  const expected = new Set(authTypesFor(event, rules).map(([type, stateKey]) => stateMapKey(type, stateKey)))
  const seen = new Set<string>()
  for (const id of event.authEvents) {
    const authEvent = byId.get(id)
    if (authEvent === undefined) {
      return refuse(authEventsRuleNumbers(rules).rejected, 'auth_event_missing', `The event cites ${id}, which this server does not have.`)
    }
    const verdict = checkEntry(event, authEvent, expected, seen, rules)
    if (!verdict.allowed) return verdict
    // n.3 If there are entries which were themselves rejected, reject.
    if (isRejected(id)) {
      return refuse(authEventsRuleNumbers(rules).rejected, 'auth_event_rejected', `The event relies on ${id}, which was rejected.`)
    }
  }
  // n.4 (versions 1 to 11) If there is no m.room.create event among the entries, reject.
  if (!rules.roomIdIsCreateHash && !seen.has(stateMapKey('m.room.create', ''))) {
    return refuse(
      authEventsRuleNumbers(rules).createMissing,
      'auth_event_create_missing',
      'The event does not cite the create event of its room.',
    )
  }
  return ALLOWED
}

/** The parts that look at one entry; adds its key to those seen. */
function checkEntry(
  event: RoomEvent,
  authEvent: RoomEvent,
  expected: ReadonlySet<string>,
  seen: Set<string>,
  rules: RoomVersionRules,
): Verdict {
  const key = authEvent.stateKey === undefined ? undefined : stateMapKey(authEvent.type, authEvent.stateKey)
  // n.1 If there are duplicate entries for a given type and state_key pair, reject.
  if (key !== undefined && seen.has(key)) {
    return refuse(
      authEventsRuleNumbers(rules).duplicate,
      'auth_event_duplicate',
      `The event cites two ${authEvent.type} events where one counts.`,
    )
  }
  // n.2 If there are entries that the auth events selection does not specify, reject.
  if (key === undefined || !expected.has(key)) {
    return refuse(
      authEventsRuleNumbers(rules).irrelevant,
      'auth_event_irrelevant',
      `The event cites ${authEvent.eventId} (${authEvent.type}), which cannot authorize it.`,
    )
  }
  // n.5 (version 12: n.4) If any event in auth_events has a room_id which does not match that of the event, reject.
  if (authEvent.roomId !== event.roomId) {
    return refuse(
      authEventsRuleNumbers(rules).otherRoom,
      'auth_event_of_other_room',
      `The event cites ${authEvent.eventId}, which belongs to another room.`,
    )
  }
  seen.add(key)
  return ALLOWED
}
