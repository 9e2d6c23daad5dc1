import type { RoomEvent } from '../../matrix/events/room-event.ts'
import { parseUserId } from '../../matrix/ids/user-id.ts'
import type { RoomVersionRules } from '../../matrix/room-versions/rules.ts'
import { membershipOf } from './auth-state.ts'
import type { MembershipChange } from './member.ts'
import { joinRuleNumbers, memberRuleNumbers } from './rule-numbers.ts'
import { ALLOWED, refuse, type Verdict } from './verdict.ts'

/** Who vouches that a join meets the conditions of a restricted room. */
export interface JoinAuthoriser {
  /** Must be joined and allowed to invite. */
  readonly userId: string
  /** Must have signed the event, in addition to the sender's server. */
  readonly serverName: string
}

/**
 * Whose signature a join needs besides its sender's (n.2 of the rule on members, from version 8): the homeserver of the user that
 * `join_authorised_via_users_server` names. `undefined` if the event needs none. Checking the signature is part of checking the event's
 * signatures and precedes the rules; what it covers is what any signature of the event covers.
 */
export function joinAuthoriserOf(event: Pick<RoomEvent, 'type' | 'content'>, rules: RoomVersionRules): JoinAuthoriser | undefined {
  if (!rules.restrictedJoins || event.type !== 'm.room.member' || event.content.membership !== 'join') return undefined
  const userId = event.content.join_authorised_via_users_server
  if (typeof userId !== 'string') return undefined
  const serverName = parseUserId(userId)?.serverName
  return serverName === undefined ? undefined : { userId, serverName }
}

/** The part of n.2 that needs no signature: what names no user was signed by nobody's server. */
export function checkJoinAuthoriser(event: RoomEvent, rules: RoomVersionRules): Verdict {
  if (!rules.restrictedJoins || event.content.join_authorised_via_users_server === undefined) return ALLOWED
  if (joinAuthoriserOf(event, rules) !== undefined) return ALLOWED
  return refuse(
    `${memberRuleNumbers(rules).joinAuthoriser}.1`,
    'join_authoriser_malformed',
    'The join says that it was authorized, but not by whom.',
  )
}

/** Joining under the rule `restricted` or `knock_restricted`: .5 of the rule on joins. */
export function checkRestrictedJoin(change: MembershipChange, membership: string | undefined): Verdict {
  const { event, state, power, rules } = change
  // .5.1 If membership state is join or invite, allow.
  if (membership === 'join' || membership === 'invite') return ALLOWED
  // .5.2 If the join_authorised_via_users_server key in content is not a user with sufficient permission to invite other users or is not
  // a joined member of the room, reject.
  const authoriser = joinAuthoriserOf(event, rules)
  if (
    authoriser === undefined ||
    membershipOf(state, authoriser.userId) !== 'join' ||
    !(power.userLevel(authoriser.userId) >= power.invite)
  ) {
    return refuse(
      `${joinRuleNumbers(rules).restricted}.2`,
      'join_not_authorised',
      `${event.sender} cannot join without an invitation or the word of a member who may invite.`,
    )
  }
  // .5.3 Otherwise, allow.
  return ALLOWED
}
