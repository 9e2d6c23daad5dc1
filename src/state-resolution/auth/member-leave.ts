import { membershipOf } from './auth-state.ts'
import type { MembershipChange } from './member.ts'
import { memberRuleNumbers } from './rule-numbers.ts'
import { ALLOWED, refuse, type Verdict } from './verdict.ts'

/** Membership `leave` (leaving, declining, kicking, unbanning): n.4 of the rule on members, from version 8 n.5. */
export function checkLeave(change: MembershipChange): Verdict {
  const { event, target, state, power, rules } = change
  const senderMembership = membershipOf(state, event.sender)
  // .1 If the sender matches state_key, allow if and only if that user's current membership state is invite, join (from version 7: or knock).
  if (event.sender === target) return checkOwnLeave(change, senderMembership)
  // .2 If the sender's current membership state is not join, reject.
  if (senderMembership !== 'join') {
    return refuse(
      `${memberRuleNumbers(rules).leave}.2`,
      'sender_not_joined',
      `${event.sender} is not in the room and cannot remove others.`,
    )
  }
  const level = power.userLevel(event.sender)
  // .3 If the target user's current membership state is ban, and the sender's power level is less than the ban level, reject.
  const banLevel = power.ban
  if (membershipOf(state, target) === 'ban' && !(level >= banLevel)) {
    return refuse(
      `${memberRuleNumbers(rules).leave}.3`,
      'unban_level_too_low',
      `${event.sender} may not lift bans: that needs level ${banLevel}, and theirs is ${level}.`,
    )
  }
  // .4 If the sender's power level is greater than or equal to the kick level, and the target user's power level is less than the
  // sender's power level, allow. .5 Otherwise, reject.
  const kickLevel = power.kick
  if (!(level >= kickLevel)) {
    return refuse(
      `${memberRuleNumbers(rules).leave}.5`,
      'kick_level_too_low',
      `${event.sender} may not remove others: that needs level ${kickLevel}, and theirs is ${level}.`,
    )
  }
  const targetLevel = power.userLevel(target)
  if (targetLevel < level) return ALLOWED
  return refuse(
    `${memberRuleNumbers(rules).leave}.5`,
    'kick_target_level_too_high',
    `${event.sender} (level ${level}) cannot remove ${target}, whose level is ${targetLevel}.`,
  )
}

function checkOwnLeave({ event, rules }: MembershipChange, membership: string | undefined): Verdict {
  if (membership === 'join' || membership === 'invite' || (membership === 'knock' && rules.knocking)) return ALLOWED
  return refuse(
    `${memberRuleNumbers(rules).leave}.1`,
    'leave_without_membership',
    `${event.sender} is neither in the room nor on the way into it.`,
  )
}
