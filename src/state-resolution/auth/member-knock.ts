import { joinRuleOf, membershipOf } from './auth-state.ts'
import type { MembershipChange } from './member.ts'
import { memberRuleNumbers } from './rule-numbers.ts'
import { ALLOWED, refuse, type Verdict } from './verdict.ts'

/** Membership `knock`, from version 7: n.6 of the rule on members, from version 8 n.7. */
export function checkKnock(change: MembershipChange): Verdict {
  const { event, target, state, rules } = change
  // .1 If the join_rule is anything other than knock (from version 10: or knock_restricted), reject.
  const joinRule = joinRuleOf(state)
  if (joinRule !== 'knock' && !(joinRule === 'knock_restricted' && rules.knockRestricted)) {
    return refuse(`${memberRuleNumbers(rules).knock}.1`, 'knock_rule_forbids', 'The join rule of the room does not allow knocking.')
  }
  // .2 If sender does not match state_key, reject.
  if (event.sender !== target) {
    return refuse(`${memberRuleNumbers(rules).knock}.2`, 'knock_for_other_user', `${event.sender} cannot knock for ${target}.`)
  }
  // .3 If the sender's current membership is not ban, invite, or join, allow.
  const membership = membershipOf(state, event.sender)
  if (membership !== 'ban' && membership !== 'invite' && membership !== 'join') return ALLOWED
  // .4 Otherwise, reject.
  return refuse(
    `${memberRuleNumbers(rules).knock}.4`,
    'knock_membership_forbids',
    membership === 'ban' ? `${target} is banned from the room.` : `${target} is already invited to the room or in it.`,
  )
}
