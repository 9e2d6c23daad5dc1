import type { Verdict } from '../../../../../src/state-resolution/auth/check-auth.ts'
import type { RoomBranch } from '../../../../support/room-builder.ts'
import { CREATOR, MODERATOR, type RuleCase, STRANGER, sending, USER } from './case.ts'

function says(room: RoomBranch, sender: string): Verdict {
  return sending(room, { type: 'm.room.message', sender })
}

function sets(room: RoomBranch, sender: string, type: string, stateKey = ''): Verdict {
  return sending(room, { type, sender, stateKey })
}

const THIRD_PARTY_EVENT = /type is `m\.room\.third_party_invite`/
const REDACTION = /type is `m\.room\.redaction`/

export const SENDING_CASES: readonly RuleCase[] = [
  {
    rule: [/^If the `sender`'s current membership state is not `join`/],
    reason: 'sender_not_joined',
    passes: { 'a member': (room) => says(room, USER) },
    fails: {
      'a stranger': (room) => says(room, STRANGER),
      'who left': (room) => says(room.leftBy(USER), USER),
      'who is invited': (room) => says(room.invited(CREATOR, STRANGER), STRANGER),
      'who is banned': (room) => says(room.banned(CREATOR, USER), USER),
      'the creator who left': (room) => says(room.leftBy(CREATOR), CREATOR),
    },
  },
  {
    rule: [THIRD_PARTY_EVENT, /\*invite level\*/],
    reason: 'invite_level_too_low',
    passes: {
      'the level to invite, though below that of state events': (room) => sets(room, USER, 'm.room.third_party_invite', 'token'),
      'exactly the level': (room) => sets(room.powerLevels(CREATOR, { invite: 50 }), MODERATOR, 'm.room.third_party_invite', 'token'),
    },
    fails: {
      'below the level': (room) => sets(room.powerLevels(CREATOR, { invite: 1 }), USER, 'm.room.third_party_invite', 'token'),
      'below the level, whatever its own level says': (room) =>
        sets(
          room.powerLevels(CREATOR, { invite: 50, events: { 'm.room.third_party_invite': 0 } }),
          USER,
          'm.room.third_party_invite',
          'token',
        ),
    },
  },
  {
    rule: [/\*required power level\* is greater/],
    reason: 'sender_level_too_low',
    passes: {
      'a message, by default': (room) => says(room, USER),
      'a state event with the level for it': (room) => sets(room, MODERATOR, 'm.room.topic'),
      'a state event with a level of its own': (room) =>
        sets(room.powerLevels(CREATOR, { events: { 'm.room.topic': 0 } }), USER, 'm.room.topic'),
      'a message under a default lowered below zero': (room) => says(room.powerLevels(CREATOR, { events_default: -5 }), USER),
      'a type named like a part of the language': (room) => sending(room, { type: 'constructor', sender: USER }),
      'a user named like a part of the language': (room) => says(room.joinedBy('@__proto__:two.test'), '@__proto__:two.test'),
    },
    fails: {
      'a state event without power': (room) => sets(room, USER, 'm.room.topic'),
      'a state event of an unknown type': (room) => sets(room, USER, 'org.example.any'),
      'a message, when muted': (room) => says(room.powerLevels(CREATOR, { users: { [USER]: -1 } }), USER),
      'a message, when messages need a level': (room) => says(room.powerLevels(CREATOR, { events_default: 1 }), USER),
      'a message with a level of its own': (room) => says(room.powerLevels(CREATOR, { events: { 'm.room.message': 1 } }), USER),
      'the type __proto__ with a level of its own': (room) =>
        sending(room.powerLevels(CREATOR, { events: JSON.parse('{"__proto__":1}') }), { type: '__proto__', sender: USER }),
    },
  },
  {
    rule: [/starts with an `@`/],
    reason: 'state_key_of_other_user',
    passes: {
      'one’s own ID': (room) => sets(room, MODERATOR, 'org.example.mine', MODERATOR),
      'a key without the sigil': (room) => sets(room, MODERATOR, 'org.example.mine', 'key'),
      'a message': (room) => says(room, MODERATOR),
    },
    fails: {
      'another user’s ID': (room) => sets(room, CREATOR, 'org.example.mine', MODERATOR),
      'a key that only begins with one’s own ID': (room) => sets(room, MODERATOR, 'org.example.mine', `${MODERATOR}_1`),
      'the bare sigil': (room) => sets(room, MODERATOR, 'org.example.mine', '@'),
    },
  },
  {
    rule: [REDACTION, /greater than or equal to the \*redact level\*/],
    reason: 'redaction_level_too_low',
    stoppedBy: [REDACTION, /^Otherwise, reject/],
    passes: { 'exactly the level': (room) => redacts(room, MODERATOR, '$any:elsewhere.test') },
    fails: { 'below the level': (room) => redacts(room, USER, '$any:elsewhere.test') },
  },
  {
    rule: [REDACTION, /domain of the `event_id` of the event being redacted/],
    reason: 'redaction_level_too_low',
    stoppedBy: [REDACTION, /^Otherwise, reject/],
    passes: { 'an event of one’s own server': (room) => redacts(room, USER, '$any:two.test') },
    fails: { 'an event of a server whose name only begins alike': (room) => redacts(room, USER, '$any:two.test:8448') },
  },
  {
    rule: [REDACTION, /^Otherwise, reject/],
    reason: 'redaction_level_too_low',
    passes: { 'an event of one’s own server': (room) => redacts(room, USER, '$any:two.test') },
    fails: { 'no target': (room) => redacts(room, USER, undefined), 'a target without a server': (room) => redacts(room, USER, '$any') },
  },
]

function redacts(room: RoomBranch, sender: string, target: string | undefined): Verdict {
  return sending(room, { type: 'm.room.redaction', sender, ...(target === undefined ? {} : { redacts: target }) })
}
