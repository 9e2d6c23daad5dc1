import type { JsonObject } from '../../../../../src/matrix/json.ts'
import type { Verdict } from '../../../../../src/state-resolution/auth/check-auth.ts'
import { aRoom, type RoomBranch } from '../../../../support/room-builder.ts'
import { CREATOR, MODERATOR, PEER, type RuleCase, STRANGER, sending, USER } from './case.ts'

const POWER = /type is `m\.room\.power_levels`/
const NAMED = /properties `users_default`.*check if they were added/
const ENTRY_OLD = /For each entry being changed in, or removed from, the `events`/
const ENTRY_NEW = /For each entry being (added to, or changed in,?|changed in, or added to,?) the `events`/
const USERS_OLD = /removed from, the `users`/
const USERS_NEW = /added to, or changed in, the `users`/
const CURRENT_TOO_HIGH = /current value is (higher|greater) than/
const NEW_TOO_HIGH = /new value is (higher|greater) than/

/** The verdict on power levels with these changes; an entry `undefined` is removed. */
function levels(room: RoomBranch, sender: string, changes: Record<string, unknown>): Verdict {
  const current = room.find('m.room.power_levels')?.content ?? {}
  return sending(room, { type: 'm.room.power_levels', sender, stateKey: '', content: defined({ ...current, ...changes }) })
}

/** The same, changing entries of one map. */
function entries(room: RoomBranch, sender: string, map: string, changes: Record<string, unknown>): Verdict {
  const current = room.find('m.room.power_levels')?.content[map] as JsonObject | undefined
  return levels(room, sender, { [map]: defined({ ...current, ...changes }) })
}

function defined(object: Record<string, unknown>): JsonObject {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as JsonObject
}

/** A room in which moderators may change power levels at all. */
function open(room: RoomBranch, more: JsonObject = {}): RoomBranch {
  return room.powerLevels(CREATOR, { ...more, events: { ...(more.events as JsonObject), 'm.room.power_levels': 50 } })
}

export const POWER_LEVELS_SHAPE_CASES: readonly RuleCase[] = [
  {
    rule: [POWER, /`invite` in `content` are present and not an integer/],
    reason: 'power_levels_malformed',
    passes: { integers: (room) => levels(room, CREATOR, { ban: 10, kick: -10, invite: 0 }) },
    fails: {
      'an integer in a string': (room) => levels(room, CREATOR, { ban: '10' }),
      null: (room) => levels(room, CREATOR, { users_default: null }),
      'a boolean': (room) => levels(room, CREATOR, { invite: true }),
      'a list': (room) => levels(room, CREATOR, { redact: [50] }),
    },
  },
  {
    rule: [POWER, /`events` or `notifications` in `content` are present and not an object/],
    reason: 'power_levels_malformed',
    passes: { 'objects of integers': (room) => levels(room, CREATOR, { events: { x: 1 }, notifications: { room: 5 } }) },
    fails: {
      'events that are a list': (room) => levels(room, CREATOR, { events: [] }),
      'notifications that are a text': (room) => levels(room, CREATOR, { notifications: 'loud' }),
      'an entry that is a string': (room) => levels(room, CREATOR, { events: { x: '1' } }),
      'an entry that is null': (room) => levels(room, CREATOR, { notifications: { room: null } }),
    },
  },
  {
    rule: [POWER, /`users` property in `content` is not an object|If `users` property in `content` is not an object/],
    reason: 'power_levels_malformed',
    passes: {
      'an object of integers': (room) => entries(room, CREATOR, 'users', { [STRANGER]: 5 }),
      'no users, by a creator who needs none': (room) => levels(aRoom({ version: room.rules.version, powerLevels: null }), CREATOR, {}),
    },
    fails: {
      'a list': (room) => levels(room, CREATOR, { users: [] }),
      null: (room) => levels(room, CREATOR, { users: null }),
      'an entry that is an object': (room) => entries(room, CREATOR, 'users', { [STRANGER]: {} }),
      'an entry that is no number': (room) => entries(room, CREATOR, 'users', { [STRANGER]: 'many' }),
    },
  },
  {
    rule: [POWER, /`users` property in `content` is not an object|If `users` property in `content` is not an object/],
    reason: 'power_levels_user_id_malformed',
    passes: { 'a historical user ID': (room) => entries(room, CREATOR, 'users', { '@Ünïcode Näme:x.test': 5 }) },
    fails: {
      'a key without the sigil': (room) => entries(room, CREATOR, 'users', { 'stranger:three.test': 5 }),
      'a key without a server': (room) => entries(room, CREATOR, 'users', { '@stranger': 5 }),
      'a key that is a part of the language': (room) => entries(room, CREATOR, 'users', { constructor: 5 }),
    },
  },
  {
    // Before version 10 the other levels may be of any shape by the letter; what cannot be read as a level cannot be checked.
    rule: [POWER, NAMED],
    versions: (version) => version < 10,
    reason: 'power_levels_malformed',
    passes: {
      'integers in strings': (room) => levels(room, CREATOR, { ban: ' +010 ', kick: '-10' }),
    },
    fails: {
      'a text': (room) => levels(room, CREATOR, { ban: 'many' }),
      'a fraction in a string': (room) => levels(room, CREATOR, { ban: '10.9' }),
      null: (room) => levels(room, CREATOR, { invite: null }),
    },
  },
  {
    // Version 6 and later have no fractions at all: canonical JSON refuses them before any rule.
    rule: [POWER, NAMED],
    versions: (version) => version < 6,
    reason: 'power_levels_malformed',
    passes: {
      'a fraction, which is cut': (room) => levels(room, CREATOR, { ban: 10.9 }),
      'a fraction cut to one’s own level': (room) => levels(open(room), MODERATOR, { ban: 50.9 }),
    },
    fails: { 'a fraction in a string': (room) => levels(room, CREATOR, { ban: '10.9' }) },
  },
  {
    rule: [POWER, ENTRY_OLD],
    versions: (version) => version < 10,
    reason: 'power_levels_malformed',
    passes: { 'an integer in a string': (room) => entries(room, CREATOR, 'events', { x: '5' }) },
    fails: {
      'events that are a list': (room) => levels(room, CREATOR, { events: [] }),
      'an entry that is null': (room) => entries(room, CREATOR, 'events', { x: null }),
    },
  },
  {
    rule: [POWER, /contains the `sender` of the `m\.room\.create` event or any/],
    reason: 'power_levels_name_creator',
    passes: { 'others only': (room) => entries(room, CREATOR, 'users', { [STRANGER]: 5 }) },
    fails: {
      'the creator': (room) => entries(room, CREATOR, 'users', { [CREATOR]: 100 }),
      'an additional creator': (room) => {
        const shared = aRoom({ version: room.rules.version, creation: { additional_creators: [STRANGER] } })
        return entries(shared, CREATOR, 'users', { [STRANGER]: 5 })
      },
    },
  },
  {
    rule: [POWER, /no previous `m\.room\.power_levels` event/],
    reason: 'power_levels_change_too_high',
    stoppedBy: [POWER, USERS_NEW, NEW_TOO_HIGH],
    passes: {
      'the first levels may be anything': (room) => {
        const fresh = aRoom({ version: room.rules.version, powerLevels: null })
        return entries(fresh, CREATOR, 'users', { [STRANGER]: 1000 })
      },
    },
    fails: { 'later ones may not': (room) => entries(open(room), MODERATOR, 'users', { [STRANGER]: 1000 }) },
  },
]

export const POWER_LEVELS_CHANGE_CASES: readonly RuleCase[] = [
  {
    rule: [POWER, NAMED, CURRENT_TOO_HIGH],
    reason: 'power_levels_change_too_high',
    passes: {
      'a level at one’s own': (room) => levels(open(room, { ban: 50 }), MODERATOR, { ban: 10 }),
      'a level above one’s own that stays': (room) => levels(open(room, { ban: 60 }), MODERATOR, { kick: 10 }),
    },
    fails: {
      'lowering a level above one’s own': (room) => levels(open(room, { ban: 60 }), MODERATOR, { ban: 50 }),
      'removing a level above one’s own': (room) => levels(open(room, { ban: 60 }), MODERATOR, { ban: undefined }),
    },
  },
  {
    rule: [POWER, NAMED, NEW_TOO_HIGH],
    reason: 'power_levels_change_too_high',
    passes: {
      'up to one’s own level': (room) => levels(open(room), MODERATOR, { ban: 50, users_default: 50 }),
      'removing a level': (room) => levels(open(room, { kick: 20 }), MODERATOR, { kick: undefined }),
    },
    fails: {
      'raising a level above one’s own': (room) => levels(open(room, { ban: 50 }), MODERATOR, { ban: 51 }),
      'adding a level above one’s own': (room) => levels(open(room), MODERATOR, { users_default: 51 }),
      'any of the others': (room) => levels(open(room), MODERATOR, { redact: 51 }),
    },
  },
  {
    rule: [POWER, ENTRY_OLD, CURRENT_TOO_HIGH],
    reason: 'power_levels_change_too_high',
    passes: {
      'an entry at one’s own level': (room) => entries(open(room, { events: { x: 50 } }), MODERATOR, 'events', { x: undefined }),
      'an entry above one’s own that stays': (room) => entries(open(room, { events: { x: 60 } }), MODERATOR, 'events', { y: 5 }),
    },
    fails: {
      'lowering an entry above one’s own': (room) => entries(open(room, { events: { x: 60 } }), MODERATOR, 'events', { x: 5 }),
      'removing an entry above one’s own': (room) => entries(open(room, { events: { x: 60 } }), MODERATOR, 'events', { x: undefined }),
      'removing all entries': (room) => levels(open(room, { events: { x: 60 } }), MODERATOR, { events: undefined }),
    },
  },
  {
    rule: [POWER, ENTRY_NEW, NEW_TOO_HIGH],
    reason: 'power_levels_change_too_high',
    passes: { 'up to one’s own level': (room) => entries(open(room), MODERATOR, 'events', { x: 50 }) },
    fails: {
      'adding an entry above one’s own': (room) => entries(open(room), MODERATOR, 'events', { x: 51 }),
      'raising an entry above one’s own': (room) => entries(open(room, { events: { x: 50 } }), MODERATOR, 'events', { x: 51 }),
    },
  },
  {
    rule: [POWER, ENTRY_OLD, CURRENT_TOO_HIGH],
    versions: (version) => version >= 6,
    reason: 'power_levels_change_too_high',
    passes: {
      'a notification at one’s own level': (room) =>
        entries(open(room, { notifications: { room: 50 } }), MODERATOR, 'notifications', { room: 5 }),
    },
    fails: {
      'lowering a notification above one’s own': (room) =>
        entries(open(room, { notifications: { room: 60 } }), MODERATOR, 'notifications', { room: 5 }),
    },
  },
  {
    rule: [POWER, ENTRY_NEW, NEW_TOO_HIGH],
    versions: (version) => version >= 6,
    reason: 'power_levels_change_too_high',
    passes: { 'a notification up to one’s own level': (room) => entries(open(room), MODERATOR, 'notifications', { room: 50 }) },
    fails: { 'a notification above one’s own': (room) => entries(open(room), MODERATOR, 'notifications', { room: 51 }) },
  },
  {
    rule: [POWER, ENTRY_NEW, NEW_TOO_HIGH],
    versions: (version) => version < 6,
    reason: 'power_levels_change_too_high',
    passes: { 'notifications at will': (room) => entries(open(room), MODERATOR, 'notifications', { room: 500 }) },
    fails: { 'events not': (room) => entries(open(room), MODERATOR, 'events', { room: 500 }) },
  },
  {
    rule: [POWER, USERS_OLD, CURRENT_TOO_HIGH],
    reason: 'power_levels_user_not_below_sender',
    passes: {
      'a user below': (room) => entries(open(room, { users: { [USER]: 49 } }), MODERATOR, 'users', { [USER]: 10 }),
      'stepping down oneself': (room) => entries(open(room), MODERATOR, 'users', { [MODERATOR]: 10 }),
      'removing oneself': (room) => entries(open(room), MODERATOR, 'users', { [MODERATOR]: undefined }),
    },
    fails: {
      'demoting a peer': (room) => entries(open(room), MODERATOR, 'users', { [PEER]: 10 }),
      'removing a peer': (room) => entries(open(room), MODERATOR, 'users', { [PEER]: undefined }),
      'demoting a superior': (room) => entries(open(room, { users: { [PEER]: 60 } }), MODERATOR, 'users', { [PEER]: 10 }),
    },
  },
  {
    rule: [POWER, USERS_NEW, NEW_TOO_HIGH],
    reason: 'power_levels_change_too_high',
    passes: {
      'promoting to one’s own level': (room) => entries(open(room), MODERATOR, 'users', { [USER]: 50 }),
      'promoting beyond every level, by a creator of infinite power': (room) =>
        entries(room, CREATOR, 'users', { [USER]: room.rules.privilegedCreators ? Number.MAX_SAFE_INTEGER : 100 }),
    },
    fails: {
      'promoting above one’s own level': (room) => entries(open(room), MODERATOR, 'users', { [USER]: 51 }),
      'promoting oneself': (room) => entries(open(room), MODERATOR, 'users', { [MODERATOR]: 51 }),
    },
  },
]
