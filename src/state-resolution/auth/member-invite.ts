import { membershipOf } from './auth-state.ts'
import type { MembershipChange } from './member.ts'
import { memberRuleNumbers } from './rule-numbers.ts'
import { checkThirdPartyInvite } from './third-party-invite.ts'
import { ALLOWED, refuse, type Verdict } from './verdict.ts'

/** Membership `invite`: n.3 of the rule on members, from version 8 n.4. */
export function checkInvite(change: MembershipChange): Verdict {
  const { event, target, state, power, rules } = change
  // .1 If content has a third_party_invite property.
  if (event.content.third_party_invite !== undefined) return checkThirdPartyInvite(change)
  // .2 If the sender's current membership state is not join, reject.
  if (membershipOf(state, event.sender) !== 'join') {
    return refuse(`${memberRuleNumbers(rules).invite}.2`, 'sender_not_joined', `${event.sender} is not in the room and cannot invite.`)
  }
  // .3 If target user's current membership state is join or ban, reject.
  const membership = membershipOf(state, target)
  if (membership === 'ban') {
    return refuse(`${memberRuleNumbers(rules).invite}.3`, 'invite_target_banned', `${target} is banned from the room.`)
  }
  if (membership === 'join') {
    return refuse(`${memberRuleNumbers(rules).invite}.3`, 'invite_target_joined', `${target} is already in the room.`)
  }
  // .4 If the sender's power level is greater than or equal to the invite level, allow.
  const needed = power.invite
  const level = power.userLevel(event.sender)
  if (level >= needed) return ALLOWED
  // .5 Otherwise, reject.
  return refuse(
    `${memberRuleNumbers(rules).invite}.5`,
    'invite_level_too_low',
    `${event.sender} may not invite: that needs level ${needed}, and theirs is ${level}.`,
  )
}
