import type { RoomEvent } from '../../matrix/events/room-event.ts'
import type { PowerLevels } from '../../matrix/power-levels.ts'
import type { RoomVersionRules } from '../../matrix/room-versions/rules.ts'
import { type AuthState, membershipOf } from './auth-state.ts'
import { ruleNumbers } from './rule-numbers.ts'
import { ALLOWED, refuse, type Verdict } from './verdict.ts'

/** The rule that only members send: 6, in versions 6 to 11 5. */
export function checkSenderJoined(event: RoomEvent, state: AuthState, rules: RoomVersionRules): Verdict {
  // If the sender's current membership state is not join, reject.
  if (membershipOf(state, event.sender) === 'join') return ALLOWED
  return refuse(ruleNumbers(rules).senderJoined, 'sender_not_joined', `${event.sender} is not in the room.`)
}

/** The rule on `m.room.third_party_invite`: 7, in versions 6 to 11 6. */
export function checkThirdPartyInviteEvent(event: RoomEvent, power: PowerLevels, rules: RoomVersionRules): Verdict {
  // Allow if and only if sender's current power level is greater than or equal to the invite level.
  const needed = power.invite
  const level = power.userLevel(event.sender)
  if (level >= needed) return ALLOWED
  return refuse(
    `${ruleNumbers(rules).thirdPartyInvite}.1`,
    'invite_level_too_low',
    `${event.sender} may not invite: that needs level ${needed}, and theirs is ${level}.`,
  )
}

/** The rule on the required power level: 8, in versions 6 to 11 7. */
export function checkRequiredLevel(event: RoomEvent, power: PowerLevels, rules: RoomVersionRules): Verdict {
  // If the event type's required power level is greater than the sender's power level, reject.
  const needed = power.eventLevel(event.type, event.stateKey !== undefined)
  const level = power.userLevel(event.sender)
  if (level >= needed) return ALLOWED
  return refuse(
    ruleNumbers(rules).requiredLevel,
    'sender_level_too_low',
    `${event.sender} may not send ${event.type}: that needs level ${needed}, and theirs is ${level}.`,
  )
}

/** The rule on state that belongs to a user: 9, in versions 6 to 11 8. */
export function checkUserStateKey(event: RoomEvent, rules: RoomVersionRules): Verdict {
  // If the event has a state_key that starts with an @ and does not match the sender, reject.
  if (event.stateKey === undefined || !event.stateKey.startsWith('@') || event.stateKey === event.sender) return ALLOWED
  return refuse(ruleNumbers(rules).userStateKey, 'state_key_of_other_user', `${event.sender} cannot set the state of ${event.stateKey}.`)
}
