import type { EventDraft } from '../../../../../src/matrix/events/create-event.ts'
import { readEvent } from '../../../../../src/matrix/events/read-event.ts'
import { checkAuth, checkStateIndependent, type Verdict } from '../../../../../src/state-resolution/auth/check-auth.ts'
import type { RoomBranch } from '../../../../support/room-builder.ts'
import { type RuleCase, STRANGER, sending } from './case.ts'

const CREATE = /type is `m\.room\.create`/

/** The verdict on a create event that differs from the room's own in some fields. */
function creating(room: RoomBranch, changes: Partial<EventDraft>): Verdict {
  const { create, rules } = room
  const event = room.room.make({
    roomId: rules.roomIdIsCreateHash ? undefined : create.roomId,
    type: 'm.room.create',
    stateKey: '',
    sender: create.sender,
    content: create.content,
    depth: 1,
    prevEvents: [],
    authEvents: [],
    ...changes,
  })
  return checkStateIndependent(event, [], () => false, rules, undefined)
}

function withContent(room: RoomBranch, changes: Record<string, unknown>): Verdict {
  const content = Object.fromEntries(Object.entries({ ...room.create.content, ...changes }).filter(([, value]) => value !== undefined))
  return creating(room, { content: content as EventDraft['content'] })
}

export const CREATE_CASES: readonly RuleCase[] = [
  {
    rule: [CREATE, /prev_events/],
    reason: 'create_has_prev_events',
    passes: { 'a first event': (room) => creating(room, {}) },
    fails: { 'an event with a predecessor': (room) => creating(room, { prevEvents: [room.create.eventId], originServerTs: 5 }) },
  },
  {
    rule: [CREATE, /domain of the `room_id` does not match/],
    reason: 'create_room_id_not_of_sender_server',
    passes: { 'a room ID of the sender’s server': (room) => creating(room, {}) },
    fails: {
      'a room ID of another server': (room) => creating(room, { roomId: '!room:elsewhere.test' }),
      'a room ID whose server only begins like the sender’s': (room) => creating(room, { roomId: '!room:one.test:8448' }),
      'a room ID without a server': (room) => creating(room, { roomId: '!room' }),
    },
  },
  {
    rule: [CREATE, /event has a `room_id`/],
    reason: 'create_has_room_id',
    passes: { 'no room ID': (room) => creating(room, {}) },
    fails: {
      'a room ID': (room) => {
        const { create, rules } = room
        const event = readEvent({ ...create.pdu, room_id: create.roomId }, create.eventId, create.roomId, rules)
        return checkStateIndependent(event, [], () => false, rules, undefined)
      },
    },
  },
  {
    rule: [CREATE, /content\.room_version/],
    reason: 'create_room_version_unknown',
    passes: { 'the version of the rules': (room) => creating(room, {}) },
    fails: {
      'a version from the future': (room) => withContent(room, { room_version: '99' }),
      'a version that is a number': (room) => withContent(room, { room_version: 11 }),
      'a version that is an object': (room) => withContent(room, { room_version: {} }),
      'the version of other rules': (room) => withContent(room, { room_version: room.rules.version === '5' ? '4' : '5' }),
    },
  },
  {
    rule: [CREATE, /no `creator` property/],
    reason: 'create_without_creator',
    passes: { 'a creator': (room) => creating(room, {}) },
    fails: { 'no creator': (room) => withContent(room, { creator: undefined }) },
  },
  {
    rule: [CREATE, /`additional_creators` is present/],
    reason: 'create_additional_creators_malformed',
    passes: {
      'no additional creators': (room) => creating(room, {}),
      'an empty list': (room) => withContent(room, { additional_creators: [] }),
      'users of any server, also historical ones': (room) => withContent(room, { additional_creators: [STRANGER, '@Ünïcode:x.test'] }),
    },
    fails: {
      'one user ID without a list': (room) => withContent(room, { additional_creators: STRANGER }),
      'a list with something else in it': (room) => withContent(room, { additional_creators: [STRANGER, 5] }),
      'a list with a malformed user ID': (room) => withContent(room, { additional_creators: ['stranger:three.test'] }),
      'a list with a user ID without a server': (room) => withContent(room, { additional_creators: ['@stranger'] }),
      null: (room) => withContent(room, { additional_creators: null }),
    },
  },
]

const FEDERATE = [/`m\.federate`/]

export const FEDERATE_CASES: readonly RuleCase[] = [
  {
    rule: FEDERATE,
    reason: 'room_not_federated',
    passes: {
      'a stranger of another server joins a room that says nothing': (room) => joining(room, undefined),
      'a stranger of another server joins a federated room': (room) => joining(room, true),
      'a property that is not false': (room) => joining(room, 'no'),
      'a user of the creating server joins an unfederated room': (room) => joining(room, false, '@stranger:one.test'),
    },
    fails: {
      'a stranger of another server joins an unfederated room': (room) => joining(room, false),
      'a server whose name only begins alike': (room) => joining(room, false, '@stranger:one.test:8448'),
    },
  },
]

function joining(room: RoomBranch, federate: unknown, user = STRANGER): Verdict {
  const create =
    federate === undefined ? room.create : { ...room.create, content: { ...room.create.content, 'm.federate': federate as boolean } }
  const event = room.draft({ type: 'm.room.member', sender: user, stateKey: user, content: { membership: 'join' } })
  return checkAuth(event, { ...room.room.authState(room.state), create }, room.rules)
}

export const ALIASES_CASES: readonly RuleCase[] = [
  {
    rule: [/type is `m\.room\.aliases`/, /no `state_key`/],
    reason: 'aliases_without_state_key',
    passes: { 'a list of the sender’s server': (room) => aliases(room, 'three.test') },
    fails: { 'a message': (room) => aliases(room, undefined) },
  },
  {
    rule: [/type is `m\.room\.aliases`/, /domain doesn't match/],
    reason: 'aliases_of_other_server',
    passes: { 'a list of the sender’s server, even by a stranger': (room) => aliases(room, 'three.test') },
    fails: { 'a list of another server': (room) => aliases(room, 'two.test'), 'a list of no server': (room) => aliases(room, '') },
  },
]

function aliases(room: RoomBranch, stateKey: string | undefined): Verdict {
  return sending(room, { type: 'm.room.aliases', sender: STRANGER, stateKey, content: { aliases: [] } })
}
