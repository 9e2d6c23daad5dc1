import type { Verdict } from '../../../../../src/state-resolution/auth/check-auth.ts'
import { aRoom, RoomBranch } from '../../../../support/room-builder.ts'
import { CREATOR, JOIN, MEMBER, MODERATOR, member, OTHERWISE_REJECT, type RuleCase, STRANGER, USER } from './case.ts'

function joins(room: RoomBranch, user: string, content: Record<string, string> = {}): Verdict {
  return member(room, user, user, { membership: 'join', ...content })
}

function withRule(room: RoomBranch, joinRule: string): RoomBranch {
  return room.joinRule(CREATOR, joinRule)
}

const RESTRICTED = /`join_rule` is `restricted`/

export const JOIN_CASES: readonly RuleCase[] = [
  {
    rule: [MEMBER, /no `state_key` property/],
    reason: 'member_malformed',
    passes: { 'a join': (room) => joins(room, STRANGER) },
    fails: {
      'no membership': (room) => member(room, USER, USER, {}),
      'a membership that is no state event': (room) =>
        room.verdictOn(room.draft({ type: 'm.room.member', sender: USER, content: { membership: 'join' } })),
      'a state key that names no user': (room) => member(room, CREATOR, 'nobody', { membership: 'invite' }),
    },
  },
  {
    rule: [MEMBER, /membership is unknown/],
    reason: 'member_unknown_membership',
    passes: { 'a known membership': (room) => joins(room, STRANGER) },
    fails: {
      'an invented membership': (room) => member(room, USER, USER, { membership: 'dance' }),
      'a membership that is a number': (room) => member(room, USER, USER, { membership: 1 }),
      'a membership that is null': (room) => member(room, USER, USER, { membership: null }),
    },
  },
  {
    rule: [MEMBER, /membership is unknown/],
    versions: (version) => version < 7,
    reason: 'member_unknown_membership',
    passes: { 'a join': (room) => joins(room, STRANGER) },
    fails: { 'a knock, which came later': (room) => member(room, STRANGER, STRANGER, { membership: 'knock' }) },
  },
  {
    // The signature itself is checked before: here only that there can be one.
    rule: [MEMBER, /`join_authorised_via_users_server`/, /not validly signed/],
    reason: 'join_authoriser_malformed',
    passes: {
      'a join that names a member': (room) => joins(room, STRANGER, { join_authorised_via_users_server: MODERATOR }),
      'another membership with the key': (room) =>
        member(room, USER, USER, { membership: 'leave', join_authorised_via_users_server: 'nonsense' }),
    },
    fails: {
      'a join that names no user': (room) => joins(room, STRANGER, { join_authorised_via_users_server: 'moderator' }),
      'a join that names a list': (room) => member(room, USER, USER, { membership: 'join', join_authorised_via_users_server: [MODERATOR] }),
    },
  },
  {
    rule: [MEMBER, JOIN, /only previous event is an `m\.room\.create`/],
    reason: 'join_without_invite',
    stoppedBy: [MEMBER, JOIN, OTHERWISE_REJECT],
    passes: { 'the creator joins first': (room) => firstJoin(room, CREATOR) },
    fails: {
      'somebody else joins first': (room) => firstJoin(room, STRANGER),
      'the creator joins as second': (room) => {
        const bare = bareRoom(room)
        return bare.verdictOn(
          bare.draft({
            type: 'm.room.member',
            sender: CREATOR,
            stateKey: CREATOR,
            content: { membership: 'join' },
            prevEvents: [bare.create, room.last],
          }),
        )
      },
    },
  },
  {
    rule: [MEMBER, JOIN, /`sender` does not match `state_key`/],
    reason: 'join_for_other_user',
    passes: { 'one’s own join': (room) => joins(room, STRANGER) },
    fails: { 'making somebody join': (room) => member(room, CREATOR, STRANGER, { membership: 'join' }) },
  },
  {
    rule: [MEMBER, JOIN, /`sender` is banned/],
    reason: 'join_while_banned',
    passes: {
      'a member joins again': (room) => joins(room, USER),
      'who left': (room) => joins(room.leftBy(USER), USER),
      'who was banned and unbanned': (room) => joins(room.banned(CREATOR, USER).kicked(CREATOR, USER), USER),
    },
    fails: { 'who was banned, though the room is public': (room) => joins(room.banned(CREATOR, USER), USER) },
  },
  {
    rule: [MEMBER, JOIN, /`join_rule` is `invite`/],
    reason: 'join_without_invite',
    stoppedBy: [MEMBER, JOIN, OTHERWISE_REJECT],
    passes: {
      'who was invited': (room) => joins(withRule(room.invited(MODERATOR, STRANGER), 'invite'), STRANGER),
      'who is in the room': (room) => joins(withRule(room, 'invite'), USER),
    },
    fails: {
      'a stranger': (room) => joins(withRule(room, 'invite'), STRANGER),
      'who left': (room) => joins(withRule(room, 'invite').leftBy(USER), USER),
      'a stranger, where no join rule was set': (room) => joins(castWithoutRule(room), STRANGER),
      'with the word of a member, which counts elsewhere only': (room) =>
        joins(withRule(room, 'invite'), STRANGER, { join_authorised_via_users_server: MODERATOR }),
    },
  },
  {
    rule: [MEMBER, JOIN, /`join_rule` is `invite` or `knock`/],
    reason: 'join_without_invite',
    stoppedBy: [MEMBER, JOIN, OTHERWISE_REJECT],
    passes: {
      'who was invited, under knock': (room) => joins(withRule(room.invited(MODERATOR, STRANGER), 'knock'), STRANGER),
      'who is in the room, under knock': (room) => joins(withRule(room, 'knock'), USER),
    },
    fails: {
      'a stranger, under knock': (room) => joins(withRule(room, 'knock'), STRANGER),
      'who knocked, but was not let in': (room) =>
        joins(withRule(room, 'knock').set(STRANGER, 'm.room.member', { membership: 'knock' }, STRANGER), STRANGER),
    },
  },
  {
    rule: [MEMBER, JOIN, RESTRICTED, /membership state is/],
    reason: 'join_not_authorised',
    stoppedBy: [MEMBER, JOIN, RESTRICTED, /sufficient permission/],
    passes: {
      'who was invited': (room) => joins(withRule(room.invited(MODERATOR, STRANGER), 'restricted'), STRANGER),
      'who is in the room': (room) => joins(withRule(room, 'restricted'), USER),
    },
    fails: { 'who left': (room) => joins(withRule(room, 'restricted').leftBy(USER), USER) },
  },
  {
    rule: [MEMBER, JOIN, RESTRICTED, /sufficient permission/],
    reason: 'join_not_authorised',
    passes: {
      'on the word of a member who may invite': (room) =>
        joins(invitingNeeds(withRule(room, 'restricted'), 50), STRANGER, { join_authorised_via_users_server: MODERATOR }),
      'on the word of the creator': (room) => joins(withRule(room, 'restricted'), STRANGER, { join_authorised_via_users_server: CREATOR }),
    },
    fails: {
      'on nobody’s word': (room) => joins(withRule(room, 'restricted'), STRANGER),
      'on the word of a member who may not invite': (room) =>
        joins(invitingNeeds(withRule(room, 'restricted'), 50), STRANGER, { join_authorised_via_users_server: USER }),
      'on the word of somebody outside': (room) =>
        joins(withRule(room, 'restricted').leftBy(USER), STRANGER, { join_authorised_via_users_server: USER }),
      'on one’s own word': (room) => joins(withRule(room, 'restricted'), STRANGER, { join_authorised_via_users_server: STRANGER }),
    },
  },
  {
    rule: [MEMBER, JOIN, /`restricted` or `knock_restricted`/, /sufficient permission/],
    reason: 'join_not_authorised',
    passes: {
      'on the word of a member': (room) =>
        joins(withRule(room, 'knock_restricted'), STRANGER, { join_authorised_via_users_server: MODERATOR }),
      'who was invited': (room) => joins(withRule(room.invited(MODERATOR, STRANGER), 'knock_restricted'), STRANGER),
    },
    fails: { 'on nobody’s word': (room) => joins(withRule(room, 'knock_restricted'), STRANGER) },
  },
  {
    rule: [MEMBER, JOIN, /`join_rule` is `public`/],
    reason: 'join_without_invite',
    stoppedBy: [MEMBER, JOIN, OTHERWISE_REJECT],
    passes: { 'a stranger': (room) => joins(room, STRANGER) },
    fails: { 'a stranger, once the room is closed': (room) => joins(withRule(room, 'invite'), STRANGER) },
  },
  {
    rule: [MEMBER, JOIN, OTHERWISE_REJECT],
    reason: 'join_rule_forbids',
    passes: { 'a public room': (room) => joins(room, STRANGER) },
    fails: {
      'a private room, even for who is in it': (room) => joins(withRule(room, 'private'), USER),
      'a join rule that is no text': (room) => joins(room.set(CREATOR, 'm.room.join_rules', { join_rule: 5 }), STRANGER),
    },
  },
  ...laterJoinRules(),
]

/** Join rules that older versions do not know let nobody in. */
function laterJoinRules(): RuleCase[] {
  const added: readonly (readonly [string, number])[] = [
    ['knock', 7],
    ['restricted', 8],
    ['knock_restricted', 10],
  ]
  return added.map(([joinRule, since]) => ({
    rule: [MEMBER, JOIN, OTHERWISE_REJECT],
    versions: (version) => version < since,
    reason: 'join_rule_forbids',
    passes: { 'a public room': (room) => joins(room, STRANGER) },
    fails: {
      [`the join rule ${joinRule}, which came later, though invited`]: (room) =>
        joins(withRule(room.invited(MODERATOR, STRANGER), joinRule), STRANGER, { join_authorised_via_users_server: MODERATOR }),
    },
  }))
}

function invitingNeeds(room: RoomBranch, level: number): RoomBranch {
  return room.powerLevels(CREATOR, { invite: level })
}

/** A room in which there is nothing but the create event. */
function bareRoom(room: RoomBranch): RoomBranch {
  return new RoomBranch(room.room, room.create, [room.create], new Map([...room.state].slice(0, 1)))
}

function firstJoin(room: RoomBranch, user: string): Verdict {
  return joins(bareRoom(room), user)
}

function castWithoutRule(room: RoomBranch): RoomBranch {
  return aRoom({ version: room.rules.version, joinRule: null })
}
