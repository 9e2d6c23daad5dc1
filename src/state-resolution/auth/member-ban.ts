import { membershipOf } from './auth-state.ts'
import type { MembershipChange } from './member.ts'
import { memberRuleNumbers } from './rule-numbers.ts'
import { ALLOWED, refuse, type Verdict } from './verdict.ts'

/** Membership `ban`: n.5 of the rule on members, from version 8 n.6. */
export function checkBan(change: MembershipChange): Verdict {
  const { event, target, state, power, rules } = change
  // .1 If the sender's current membership state is not join, reject.
  if (membershipOf(state, event.sender) !== 'join') {
    return refuse(`${memberRuleNumbers(rules).ban}.1`, 'sender_not_joined', `${event.sender} is not in the room and cannot ban.`)
  }
  // .2 If the sender's power level is greater than or equal to the ban level, and the target user's power level is less than the sender's
  // power level, allow. .3 Otherwise, reject.
  const level = power.userLevel(event.sender)
  const needed = power.ban
  if (!(level >= needed)) {
    return refuse(
      `${memberRuleNumbers(rules).ban}.3`,
      'ban_level_too_low',
      `${event.sender} may not ban: that needs level ${needed}, and theirs is ${level}.`,
    )
  }
  const targetLevel = power.userLevel(target)
  if (targetLevel < level) return ALLOWED
  return refuse(
    `${memberRuleNumbers(rules).ban}.3`,
    'ban_target_level_too_high',
    `${event.sender} (level ${level}) cannot ban ${target}, whose level is ${targetLevel}.`,
  )
}
