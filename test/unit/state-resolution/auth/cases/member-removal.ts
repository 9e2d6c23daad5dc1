import type { Verdict } from '../../../../../src/state-resolution/auth/check-auth.ts'
import type { RoomBranch } from '../../../../support/room-builder.ts'
import { BAN, CREATOR, KNOCK, LEAVE, MEMBER, MODERATOR, member, OTHERWISE_REJECT, PEER, type RuleCase, STRANGER, USER } from './case.ts'

const NOT_JOINED = /`sender`'s current membership state is not `join`/

function leaves(room: RoomBranch, sender: string, target = sender): Verdict {
  return member(room, sender, target, { membership: 'leave' })
}

function bans(room: RoomBranch, sender: string, target: string): Verdict {
  return member(room, sender, target, { membership: 'ban' })
}

function knocks(room: RoomBranch, sender: string, target = sender): Verdict {
  return member(room, sender, target, { membership: 'knock' })
}

export const LEAVE_CASES: readonly RuleCase[] = [
  {
    rule: [MEMBER, LEAVE, /allow if and only if that user's current membership/],
    reason: 'leave_without_membership',
    passes: {
      'who is in the room': (room) => leaves(room, USER),
      'who is invited': (room) => leaves(room.invited(MODERATOR, STRANGER), STRANGER),
    },
    fails: {
      'who was never in the room': (room) => leaves(room, STRANGER),
      'who left already': (room) => leaves(room.leftBy(USER), USER),
      'who is banned': (room) => leaves(room.banned(MODERATOR, USER), USER),
    },
  },
  {
    rule: [MEMBER, LEAVE, /`invite`, `join`, or `knock`/],
    reason: 'leave_without_membership',
    passes: { 'who knocked': (room) => leaves(knocking(room).set(STRANGER, 'm.room.member', { membership: 'knock' }, STRANGER), STRANGER) },
    fails: { 'who did not even knock': (room) => leaves(knocking(room), STRANGER) },
  },
  {
    rule: [MEMBER, LEAVE, NOT_JOINED],
    reason: 'sender_not_joined',
    passes: { 'by a member': (room) => leaves(room, MODERATOR, USER) },
    fails: {
      'by a moderator who left': (room) => leaves(room.leftBy(MODERATOR), MODERATOR, USER),
      'by a moderator who was banned': (room) => leaves(room.banned(CREATOR, MODERATOR), MODERATOR, USER),
    },
  },
  {
    rule: [MEMBER, LEAVE, /membership state is `ban`, and the `sender`'s power level is less than/],
    reason: 'unban_level_too_low',
    passes: { 'with the level to ban': (room) => leaves(banNeeds(room, 50).banned(CREATOR, USER), MODERATOR, USER) },
    fails: { 'with the level to kick only': (room) => leaves(banNeeds(room, 51).banned(CREATOR, USER), MODERATOR, USER) },
  },
  {
    rule: [MEMBER, LEAVE, /\*kick level\*, and the \*target user\*'s power level is less/],
    reason: 'kick_level_too_low',
    stoppedBy: [MEMBER, LEAVE, OTHERWISE_REJECT],
    passes: {
      'exactly the level': (room) => leaves(room, MODERATOR, USER),
      'taking back an invitation': (room) => leaves(room.invited(CREATOR, STRANGER), MODERATOR, STRANGER),
      'a target that was never in the room': (room) => leaves(room, MODERATOR, STRANGER),
    },
    fails: { 'below the level': (room) => leaves(room.powerLevels(CREATOR, { kick: 51 }), MODERATOR, USER) },
  },
  {
    rule: [MEMBER, LEAVE, OTHERWISE_REJECT],
    reason: 'kick_target_level_too_high',
    passes: { 'a target below': (room) => leaves(room, CREATOR, MODERATOR) },
    fails: {
      'a peer': (room) => leaves(room, MODERATOR, PEER),
      'a superior': (room) => leaves(room, MODERATOR, CREATOR),
    },
  },
]

export const BAN_CASES: readonly RuleCase[] = [
  {
    rule: [MEMBER, BAN, NOT_JOINED],
    reason: 'sender_not_joined',
    passes: { 'by a member': (room) => bans(room, MODERATOR, USER) },
    fails: {
      'by a moderator who left': (room) => bans(room.leftBy(MODERATOR), MODERATOR, USER),
      'by a stranger': (room) => bans(room, STRANGER, USER),
    },
  },
  {
    rule: [MEMBER, BAN, /\*ban level\*, and the \*target user\*'s power level is less/],
    reason: 'ban_level_too_low',
    stoppedBy: [MEMBER, BAN, OTHERWISE_REJECT],
    passes: {
      'exactly the level': (room) => bans(room, MODERATOR, USER),
      'who is not in the room': (room) => bans(room, MODERATOR, STRANGER),
      'who is banned already': (room) => bans(room.banned(CREATOR, USER), MODERATOR, USER),
    },
    fails: {
      'below the level': (room) => bans(banNeeds(room, 51), MODERATOR, USER),
      'without power': (room) => bans(room, USER, STRANGER),
    },
  },
  {
    rule: [MEMBER, BAN, OTHERWISE_REJECT],
    reason: 'ban_target_level_too_high',
    passes: { 'a target below': (room) => bans(room, CREATOR, MODERATOR) },
    fails: {
      'a peer': (room) => bans(room, MODERATOR, PEER),
      'a superior': (room) => bans(room, MODERATOR, CREATOR),
      oneself: (room) => bans(room, MODERATOR, MODERATOR),
    },
  },
]

export const KNOCK_CASES: readonly RuleCase[] = [
  {
    rule: [MEMBER, KNOCK, /anything other than `knock`/],
    reason: 'knock_rule_forbids',
    passes: { 'the rule knock': (room) => knocks(knocking(room), STRANGER) },
    fails: {
      'the rule public': (room) => knocks(room, STRANGER),
      'the rule invite': (room) => knocks(room.joinRule(CREATOR, 'invite'), STRANGER),
      'the rule restricted': (room) => knocks(room.joinRule(CREATOR, 'restricted'), STRANGER),
    },
  },
  {
    rule: [MEMBER, KNOCK, /anything other than `knock`/],
    versions: (version) => version < 10,
    reason: 'knock_rule_forbids',
    passes: { 'the rule knock': (room) => knocks(knocking(room), STRANGER) },
    fails: { 'the rule knock_restricted, which came later': (room) => knocks(room.joinRule(CREATOR, 'knock_restricted'), STRANGER) },
  },
  {
    rule: [MEMBER, KNOCK, /anything other than `knock` or `knock_restricted`/],
    reason: 'knock_rule_forbids',
    passes: { 'the rule knock_restricted': (room) => knocks(room.joinRule(CREATOR, 'knock_restricted'), STRANGER) },
    fails: { 'a rule that only begins alike': (room) => knocks(room.joinRule(CREATOR, 'knock_knock'), STRANGER) },
  },
  {
    rule: [MEMBER, KNOCK, /`sender` does not match/],
    reason: 'knock_for_other_user',
    passes: { 'one’s own knock': (room) => knocks(knocking(room), STRANGER) },
    fails: { 'a knock for somebody else': (room) => knocks(knocking(room), CREATOR, STRANGER) },
  },
  {
    rule: [MEMBER, KNOCK, /is not `ban`, `invite`, or `join`/],
    reason: 'knock_membership_forbids',
    stoppedBy: [MEMBER, KNOCK, OTHERWISE_REJECT],
    passes: {
      'who left': (room) => knocks(knocking(room).leftBy(USER), USER),
      'who knocked already': (room) => knocks(knocking(room).set(STRANGER, 'm.room.member', { membership: 'knock' }, STRANGER), STRANGER),
    },
    fails: { 'who is banned': (room) => knocks(knocking(room).banned(CREATOR, USER), USER) },
  },
  {
    rule: [MEMBER, KNOCK, OTHERWISE_REJECT],
    reason: 'knock_membership_forbids',
    passes: { 'a stranger': (room) => knocks(knocking(room), STRANGER) },
    fails: {
      'who is in the room': (room) => knocks(knocking(room), USER),
      'who is invited': (room) => knocks(knocking(room).invited(CREATOR, STRANGER), STRANGER),
    },
  },
]

function knocking(room: RoomBranch): RoomBranch {
  return room.joinRule(CREATOR, 'knock')
}

function banNeeds(room: RoomBranch, level: number): RoomBranch {
  return room.powerLevels(CREATOR, { ban: level })
}
