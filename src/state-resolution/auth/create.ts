import type { RoomEvent } from '../../matrix/events/room-event.ts'
import { isUserId } from '../../matrix/ids/user-id.ts'
import { findRoomVersionRules, type RoomVersionRules } from '../../matrix/room-versions/rules.ts'
import { createRuleNumbers } from './rule-numbers.ts'
import { onSameServer } from './same-server.ts'
import { ALLOWED, refuse, type Verdict } from './verdict.ts'

/** The version of a room whose create event does not name one. */
const IMPLIED_ROOM_VERSION = '1'

/** Rule 1: the event that makes the room. It depends on no state. */
export function checkCreate(event: RoomEvent, rules: RoomVersionRules): Verdict {
  // 1.1 If it has any prev_events, reject.
  if (event.prevEvents.length > 0) {
    return refuse(createRuleNumbers(rules).prevEvents, 'create_has_prev_events', 'A create event must be the first event of its room.')
  }
  const roomId = checkRoomId(event, rules)
  if (!roomId.allowed) return roomId
  // 1.3 If content.room_version is present and is not a recognised version, reject. A version other than that of the rules at hand is
  // one that this check cannot judge.
  const version = event.content.room_version ?? IMPLIED_ROOM_VERSION
  if (typeof version !== 'string' || findRoomVersionRules(version) === undefined || version !== rules.version) {
    return refuse(
      createRuleNumbers(rules).roomVersion,
      'create_room_version_unknown',
      `Room version ${JSON.stringify(version)} is not supported.`,
    )
  }
  // 1.4 (versions 1 to 10) If content has no creator property, reject.
  if (!rules.implicitCreator && event.content.creator === undefined) {
    return refuse(createRuleNumbers(rules).creator, 'create_without_creator', 'A create event must name the creator of the room.')
  }
  // 1.4 (version 12) If additional_creators is present and is not an array of strings that are user IDs, reject.
  if (rules.privilegedCreators && !areAdditionalCreators(event.content.additional_creators)) {
    return refuse(
      createRuleNumbers(rules).additionalCreators,
      'create_additional_creators_malformed',
      'The additional creators of a room must be a list of user IDs.',
    )
  }
  return ALLOWED
}

function checkRoomId(event: RoomEvent, rules: RoomVersionRules): Verdict {
  if (rules.roomIdIsCreateHash) {
    // 1.2 (version 12) If the event has a room_id, reject.
    if (!Object.hasOwn(event.pdu, 'room_id')) return ALLOWED
    return refuse(
      createRuleNumbers(rules).roomId,
      'create_has_room_id',
      'The room ID of this room version is the hash of the create event, which cannot name it.',
    )
  }
  // 1.2 If the domain of the room_id does not match the domain of the sender, reject.
  if (onSameServer(event.roomId, event.sender)) return ALLOWED
  return refuse(
    createRuleNumbers(rules).roomId,
    'create_room_id_not_of_sender_server',
    `${event.sender} cannot create a room in the name of another server.`,
  )
}

function areAdditionalCreators(value: unknown): boolean {
  return value === undefined || (Array.isArray(value) && value.every((entry) => typeof entry === 'string' && isUserId(entry)))
}
