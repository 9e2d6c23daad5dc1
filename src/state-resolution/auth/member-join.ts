import { isRoomCreator } from '../../matrix/power-levels.ts'
import type { RoomVersionRules } from '../../matrix/room-versions/rules.ts'
import { joinRuleOf, membershipOf } from './auth-state.ts'
import type { MembershipChange } from './member.ts'
import { checkJoinAuthoriser, checkRestrictedJoin } from './restricted-join.ts'
import { joinRuleNumbers } from './rule-numbers.ts'
import { ALLOWED, refuse, type Verdict } from './verdict.ts'

/** Membership `join`: n.2 of the rule on members, from version 8 n.3 (with n.2 before it). */
export function checkJoin(change: MembershipChange): Verdict {
  const { event, target, state, rules } = change
  const authoriser = checkJoinAuthoriser(event, rules)
  if (!authoriser.allowed) return authoriser
  // .1 If the only previous event is an m.room.create and the state_key is the creator, allow.
  if (isFirstJoin(change)) return ALLOWED
  // .2 If the sender does not match state_key, reject.
  if (event.sender !== target) {
    return refuse(joinRuleNumbers(rules).otherUser, 'join_for_other_user', `${event.sender} cannot make ${target} join.`)
  }
  // .3 If the sender is banned, reject.
  const membership = membershipOf(state, target)
  if (membership === 'ban') {
    return refuse(joinRuleNumbers(rules).banned, 'join_while_banned', `${target} is banned from the room.`)
  }
  const joinRule = joinRuleOf(state)
  // .4 If the join_rule is invite (from version 7: or knock) then allow if membership state is invite or join.
  if (joinRule === 'invite' || (joinRule === 'knock' && rules.knocking)) {
    if (membership === 'invite' || membership === 'join') return ALLOWED
    return refuse(joinRuleNumbers(rules).otherwise, 'join_without_invite', `${target} cannot join without an invitation.`)
  }
  // .5 (from version 8) If the join_rule is restricted (from version 10: or knock_restricted).
  if (isRestricted(joinRule, rules)) return checkRestrictedJoin(change, membership)
  // .5 (from version 8 .6) If the join_rule is public, allow.
  if (joinRule === 'public') return ALLOWED
  // .6 (from version 8 .7) Otherwise, reject.
  return refuse(joinRuleNumbers(rules).otherwise, 'join_rule_forbids', 'The join rule of the room lets nobody join.')
}

/** The creator's own first join, which no membership and no join rule precede. */
function isFirstJoin({ event, target, create, rules }: MembershipChange): boolean {
  if (event.prevEvents.length !== 1 || event.prevEvents[0] !== create.eventId) return false
  return rules.implicitCreator ? create.sender === target : isRoomCreator(create, target, rules)
}

function isRestricted(joinRule: string | undefined, rules: RoomVersionRules): boolean {
  return (joinRule === 'restricted' && rules.restrictedJoins) || (joinRule === 'knock_restricted' && rules.knockRestricted)
}
