import type { RoomEvent } from '../../matrix/events/room-event.ts'
import { serverNameOf } from '../../matrix/ids/server-name.ts'
import type { PowerLevels } from '../../matrix/power-levels.ts'
import type { RoomVersionRules } from '../../matrix/room-versions/rules.ts'
import { type AuthState, powerLevelsOf } from './auth-state.ts'
import { checkBan } from './member-ban.ts'
import { checkInvite } from './member-invite.ts'
import { checkJoin } from './member-join.ts'
import { checkKnock } from './member-knock.ts'
import { checkLeave } from './member-leave.ts'
import { memberRuleNumbers } from './rule-numbers.ts'
import { refuse, type Verdict } from './verdict.ts'

/** A change of membership, as the rules on each membership need it. */
export interface MembershipChange {
  readonly event: RoomEvent
  /** The user whose membership changes: the state key. */
  readonly target: string
  readonly create: RoomEvent
  readonly state: AuthState
  readonly power: PowerLevels
  readonly rules: RoomVersionRules
}

/** The rule on `m.room.member`: 5, in versions 6 to 11 4. */
export function checkMember(event: RoomEvent, create: RoomEvent, state: AuthState, rules: RoomVersionRules): Verdict {
  const { stateKey: target, content } = event
  // n.1 If there is no state_key property, or no membership property in content, reject. A state key without a server names no user.
  if (target === undefined || content.membership === undefined || serverNameOf(target) === undefined) {
    return refuse(memberRuleNumbers(rules).shape, 'member_malformed', 'A membership event must name a user and a membership.')
  }
  const change: MembershipChange = { event, target, create, state, power: powerLevelsOf(state, rules), rules }
  switch (content.membership) {
    case 'join':
      return checkJoin(change)
    case 'invite':
      return checkInvite(change)
    case 'leave':
      return checkLeave(change)
    case 'ban':
      return checkBan(change)
    case 'knock':
      if (rules.knocking) return checkKnock(change)
      break
  }
  // Otherwise, the membership is unknown. Reject.
  return refuse(memberRuleNumbers(rules).unknown, 'member_unknown_membership', 'This room version does not know the membership.')
}
