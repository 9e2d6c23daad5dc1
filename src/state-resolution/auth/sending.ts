import type { RoomEvent } from '../../matrix/events/room-event.ts'
import { isServerName } from '../../matrix/ids/server-name.ts'
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
export function checkUserStateKey(event: RoomEvent, power: PowerLevels, rules: RoomVersionRules): Verdict {
  // If the event has a state_key that starts with an @ and does not match the sender, reject.
  if (event.stateKey === undefined || !event.stateKey.startsWith('@') || event.stateKey === event.sender) return ALLOWED
  if (rules.ownedState) return checkOwnedState(event, event.stateKey, power, rules)
  return refuse(ruleNumbers(rules).userStateKey, 'state_key_of_other_user', `${event.sender} cannot set the state of ${event.stateKey}.`)
}

/** What MSC3757 makes of that rule: the key starts with the ID of its owner, and whoever has more power may set it as well. */
function checkOwnedState(event: RoomEvent, stateKey: string, power: PowerLevels, rules: RoomVersionRules): Verdict {
  const number = ruleNumbers(rules).userStateKey
  const owner = ownerOf(stateKey)
  if (owner === undefined) {
    return refuse(number, 'state_key_without_owner', `${stateKey} is neither a user ID nor starts with one and an underscore.`)
  }
  if (owner === event.sender || power.userLevel(event.sender) > power.userLevel(owner)) return ALLOWED
  return refuse(number, 'state_key_of_other_user', `${event.sender} cannot set the state of ${owner}.`)
}

/** The user ID that a state key starts with: up to the first underscore behind the server name, which has none. */
function ownerOf(stateKey: string): string | undefined {
  const colon = stateKey.indexOf(':')
  if (colon < 0) return undefined
  const end = stateKey.indexOf('_', colon + 1)
  const owner = end < 0 ? stateKey : stateKey.slice(0, end)
  return isServerName(owner.slice(colon + 1)) ? owner : undefined
}
