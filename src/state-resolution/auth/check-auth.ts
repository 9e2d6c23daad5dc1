import type { EventId, RoomEvent } from '../../matrix/events/room-event.ts'
import type { RoomVersionRules } from '../../matrix/room-versions/rules.ts'
import { checkAliases } from './aliases.ts'
import { checkAuthEvents, checkRoomOfCreate } from './auth-events.ts'
import { type AuthState, authStateOf, powerLevelsOf } from './auth-state.ts'
import { checkCreate } from './create.ts'
import { checkFederate } from './federate.ts'
import { checkMember } from './member.ts'
import { checkPowerLevels } from './power-levels.ts'
import { checkRedaction } from './redaction.ts'
import { authEventsRuleNumbers, ruleNumbers } from './rule-numbers.ts'
import { checkRequiredLevel, checkSenderJoined, checkThirdPartyInviteEvent, checkUserStateKey } from './sending.ts'
import { ALLOWED, refuse, type Verdict } from './verdict.ts'

export type { AuthState } from './auth-state.ts'
export { authStateOf } from './auth-state.ts'
export type { Allowed, RefusalReason, Refused, Verdict } from './verdict.ts'

/**
 * Checks an event by the authorization rules that depend on no state: those on create events and on the event's own `auth_events`, and in
 * version 12 that on the room ID. Once per event (server-server-api#checks-performed-on-receipt-of-a-pdu, part of step 4).
 * @param authEvents the events that `event.authEvents` name, rejected ones included; one that is left out refuses the event.
 * @param isRejected whether the receipt checks rejected an event.
 * @param create the create event that this server holds for the room: decides in version 12, where events do not cite it.
 */
export function checkStateIndependent(
  event: RoomEvent,
  authEvents: readonly RoomEvent[],
  isRejected: (id: EventId) => boolean,
  rules: RoomVersionRules,
  create: RoomEvent | undefined,
): Verdict {
  if (event.type === 'm.room.create') return checkCreate(event, rules)
  const room = checkRoomOfCreate(event, create, isRejected, rules)
  if (!room.allowed) return room
  return checkAuthEvents(event, authEvents, isRejected, rules)
}

/**
 * Checks an event by the authorization rules against a room state: its auth events, the state before it, or the current state (steps 4 to 6
 * of the receipt checks). Signatures, formats and {@link checkStateIndependent} come before and are not repeated here, except for the
 * rules on create events, which have no others.
 */
export function checkAuth(event: RoomEvent, state: AuthState, rules: RoomVersionRules): Verdict {
  if (event.type === 'm.room.create') return checkCreate(event, rules)
  const { create } = state
  if (create === undefined) {
    const rule = rules.roomIdIsCreateHash ? ruleNumbers(rules).roomId : authEventsRuleNumbers(rules).createMissing
    return refuse(rule, 'state_without_create', 'The room state has no create event, without which nothing can be allowed.')
  }
  if (create.roomId !== event.roomId) {
    const rule = rules.roomIdIsCreateHash ? ruleNumbers(rules).roomId : authEventsRuleNumbers(rules).otherRoom
    return refuse(rule, 'state_of_other_room', 'The event belongs to another room than the state it is checked against.')
  }
  const federate = checkFederate(event, create, rules)
  if (!federate.allowed) return federate
  if (event.type === 'm.room.aliases' && rules.specialCaseAliases) return checkAliases(event, rules)
  if (event.type === 'm.room.member') return checkMember(event, create, state, rules)
  return checkSending(event, create, state, rules)
}

/**
 * Step 4 of the receipt checks whole: {@link checkStateIndependent}, then {@link checkAuth} against the event's own auth events.
 * An event that fails is rejected.
 */
export function checkAgainstAuthEvents(
  event: RoomEvent,
  authEvents: readonly RoomEvent[],
  isRejected: (id: EventId) => boolean,
  rules: RoomVersionRules,
  create: RoomEvent | undefined,
): Verdict {
  const verdict = checkStateIndependent(event, authEvents, isRejected, rules, create)
  if (!verdict.allowed) return verdict
  return checkAuth(event, authStateOf(authEvents, rules.roomIdIsCreateHash ? create : undefined), rules)
}

/** The rules on what members send: everything but create, aliases (before version 6) and member events. */
function checkSending(event: RoomEvent, create: RoomEvent, state: AuthState, rules: RoomVersionRules): Verdict {
  const joined = checkSenderJoined(event, state, rules)
  if (!joined.allowed) return joined
  const power = powerLevelsOf(state, rules)
  if (event.type === 'm.room.third_party_invite') return checkThirdPartyInviteEvent(event, power, rules)
  const level = checkRequiredLevel(event, power, rules)
  if (!level.allowed) return level
  const stateKey = checkUserStateKey(event, power, rules)
  if (!stateKey.allowed) return stateKey
  if (event.type === 'm.room.power_levels') return checkPowerLevels(event, create, state, power, rules)
  if (event.type === 'm.room.redaction' && rules.redactionAuthRule) return checkRedaction(event, power, rules)
  return ALLOWED
}
