import { beforeAll, describe, expect, it } from 'vitest'
import { type Answer, call, type TestSession } from '../../../support/api-client.ts'
import {
  enc,
  getState,
  join,
  knock,
  leave,
  moderate,
  ok,
  people,
  putState,
  readableEvents,
  redact,
  say,
} from '../../../support/room-api.ts'
import { buildWorld, CAST_SIZE, changeLevels, changeUser, joinRule, levels, usersOf, type World } from '../../../support/room-world.ts'

/*
 * Each authorization rule, passing and failing, as local users meet it (SECURITY E12, R3; rooms/v10 to rooms/v12). What is refused leaves no
 * trace.
 */

interface Case {
  readonly name: string
  readonly versions?: readonly string[]
  readonly given?: (world: World) => Promise<unknown>
  readonly does: (world: World) => Promise<Answer>
  readonly answers: number
}

const MUTED = { events_default: 10 }
const CASES: readonly Case[] = [
  // Create
  {
    name: 'nobody creates a room a second time',
    does: (w) => putState(w.admin, w.roomId, 'm.room.create', { room_version: w.version }),
    answers: 400,
  },

  // Memberships in general
  {
    name: 'a membership event says what membership',
    does: (w) => putState(w.member, w.roomId, 'm.room.member', {}, w.member.userId),
    answers: 400,
  },
  {
    name: 'memberships that do not exist are refused',
    does: (w) => putState(w.member, w.roomId, 'm.room.member', { membership: 'owner' }, w.member.userId),
    answers: 400,
  },
  {
    name: 'a member may name themselves differently in one room',
    does: (w) => putState(w.member, w.roomId, 'm.room.member', { membership: 'join', displayname: 'X' }, w.member.userId),
    answers: 200,
  },
  {
    name: 'nobody names somebody else',
    does: (w) => putState(w.admin, w.roomId, 'm.room.member', { membership: 'join', displayname: 'X' }, w.member.userId),
    answers: 403,
  },
  {
    name: 'a membership event must name a user',
    does: (w) => putState(w.admin, w.roomId, 'm.room.member', { membership: 'ban' }, 'nobody'),
    answers: 400,
  },

  // Join
  { name: 'anybody joins a public room', does: (w) => join(w.outsider, w.roomId), answers: 200 },
  { name: 'who left joins a public room again', does: (w) => join(w.left, w.roomId), answers: 200 },
  { name: 'the banned do not join again', does: (w) => join(w.banned, w.roomId), answers: 403 },
  {
    name: 'the banned join after the ban is lifted',
    given: async (w) => ok(await moderate(w.mod, 'unban', w.roomId, w.banned)),
    does: (w) => join(w.banned, w.roomId),
    answers: 200,
  },
  {
    name: 'nobody makes somebody else join',
    does: (w) => putState(w.admin, w.roomId, 'm.room.member', { membership: 'join' }, w.left.userId),
    answers: 403,
  },
  { name: 'nobody joins by invitation without one', given: joinRule('invite'), does: (w) => join(w.outsider, w.roomId), answers: 403 },
  { name: 'the invited join', given: joinRule('invite'), does: (w) => join(w.invited, w.roomId), answers: 200 },
  {
    name: 'members may repeat their join whatever the rule',
    given: joinRule('invite'),
    does: (w) => join(w.member, w.roomId),
    answers: 200,
  },
  {
    name: 'nobody joins a knock room without an invitation',
    given: joinRule('knock'),
    does: (w) => join(w.outsider, w.roomId),
    answers: 403,
  },
  {
    name: 'nobody joins under a rule that nobody knows',
    given: joinRule('private'),
    does: (w) => join(w.outsider, w.roomId),
    answers: 403,
  },

  // Invite
  { name: 'a member with power invites', does: (w) => moderate(w.mod, 'invite', w.roomId, w.outsider), answers: 200 },
  { name: 'a member without power does not invite', does: (w) => moderate(w.member, 'invite', w.roomId, w.outsider), answers: 403 },
  { name: 'who left does not invite', does: (w) => moderate(w.left, 'invite', w.roomId, w.outsider), answers: 403 },
  { name: 'the invited do not invite', does: (w) => moderate(w.invited, 'invite', w.roomId, w.outsider), answers: 403 },
  { name: 'outsiders do not invite', does: (w) => moderate(w.outsider, 'invite', w.roomId, w.left), answers: 403 },
  { name: 'the banned are not invited', does: (w) => moderate(w.mod, 'invite', w.roomId, w.banned), answers: 403 },
  { name: 'members are not invited', does: (w) => moderate(w.mod, 'invite', w.roomId, w.member), answers: 403 },
  { name: 'an invitation may be repeated', does: (w) => moderate(w.mod, 'invite', w.roomId, w.invited), answers: 200 },

  // Leave, kick, unban
  { name: 'members leave', does: (w) => leave(w.member, w.roomId), answers: 200 },
  { name: 'the invited decline', does: (w) => leave(w.invited, w.roomId), answers: 200 },
  { name: 'leaving twice is leaving', does: (w) => leave(w.left, w.roomId), answers: 200 },
  { name: 'the banned do not leave', does: (w) => leave(w.banned, w.roomId), answers: 403 },
  {
    name: 'the banned do not lift their own ban',
    does: (w) => putState(w.banned, w.roomId, 'm.room.member', { membership: 'leave' }, w.banned.userId),
    answers: 403,
  },
  { name: 'a moderator kicks a member', does: (w) => moderate(w.mod, 'kick', w.roomId, w.member), answers: 200 },
  { name: 'a moderator withdraws an invitation', does: (w) => moderate(w.mod, 'kick', w.roomId, w.invited), answers: 200 },
  { name: 'a member kicks nobody', does: (w) => moderate(w.member, 'kick', w.roomId, w.other), answers: 403 },
  { name: 'a moderator does not kick an equal', does: (w) => moderate(w.mod, 'kick', w.roomId, w.mod2), answers: 403 },
  { name: 'a moderator does not kick upward', does: (w) => moderate(w.mod, 'kick', w.roomId, w.admin), answers: 403 },
  { name: 'the admin kicks a moderator', does: (w) => moderate(w.admin, 'kick', w.roomId, w.mod), answers: 200 },
  { name: 'who left kicks nobody', does: (w) => moderate(w.left, 'kick', w.roomId, w.member), answers: 403 },
  { name: 'nobody is kicked who is not there', does: (w) => moderate(w.mod, 'kick', w.roomId, w.outsider), answers: 403 },
  { name: 'nobody is kicked who has left', does: (w) => moderate(w.mod, 'kick', w.roomId, w.left), answers: 403 },
  { name: 'a kick does not lift a ban', does: (w) => moderate(w.mod, 'kick', w.roomId, w.banned), answers: 403 },
  {
    name: 'a member does not kick by writing state',
    does: (w) => putState(w.member, w.roomId, 'm.room.member', { membership: 'leave' }, w.other.userId),
    answers: 403,
  },
  {
    name: 'a moderator may kick by writing state',
    does: (w) => putState(w.mod, w.roomId, 'm.room.member', { membership: 'leave' }, w.other.userId),
    answers: 200,
  },
  { name: 'a moderator lifts a ban', does: (w) => moderate(w.mod, 'unban', w.roomId, w.banned), answers: 200 },
  { name: 'a member lifts no ban', does: (w) => moderate(w.member, 'unban', w.roomId, w.banned), answers: 403 },
  {
    name: 'lifting a ban needs the ban level',
    given: levels({ ban: 60 }),
    does: (w) => moderate(w.mod, 'unban', w.roomId, w.banned),
    answers: 403,
  },
  { name: 'there is no ban to lift', does: (w) => moderate(w.mod, 'unban', w.roomId, w.member), answers: 403 },

  // Ban
  { name: 'a moderator bans a member', does: (w) => moderate(w.mod, 'ban', w.roomId, w.member), answers: 200 },
  { name: 'a moderator bans somebody who was never there', does: (w) => moderate(w.mod, 'ban', w.roomId, w.outsider), answers: 200 },
  { name: 'a member bans nobody', does: (w) => moderate(w.member, 'ban', w.roomId, w.other), answers: 403 },
  { name: 'a moderator does not ban an equal', does: (w) => moderate(w.mod, 'ban', w.roomId, w.mod2), answers: 403 },
  { name: 'a moderator does not ban upward', does: (w) => moderate(w.mod, 'ban', w.roomId, w.admin), answers: 403 },
  { name: 'who left bans nobody', does: (w) => moderate(w.left, 'ban', w.roomId, w.member), answers: 403 },
  { name: 'outsiders ban nobody', does: (w) => moderate(w.outsider, 'ban', w.roomId, w.member), answers: 403 },
  {
    name: 'a member does not ban by writing state',
    does: (w) => putState(w.member, w.roomId, 'm.room.member', { membership: 'ban' }, w.other.userId),
    answers: 403,
  },

  // Knock
  { name: 'outsiders knock where that is allowed', given: joinRule('knock'), does: (w) => knock(w.outsider, w.roomId), answers: 200 },
  { name: 'who left knocks', given: joinRule('knock'), does: (w) => knock(w.left, w.roomId), answers: 200 },
  { name: 'outsiders do not knock on an open door', does: (w) => knock(w.outsider, w.roomId), answers: 403 },
  {
    name: 'outsiders do not knock where only invitations count',
    given: joinRule('invite'),
    does: (w) => knock(w.outsider, w.roomId),
    answers: 403,
  },
  { name: 'the banned do not knock', given: joinRule('knock'), does: (w) => knock(w.banned, w.roomId), answers: 403 },
  { name: 'members do not knock', given: joinRule('knock'), does: (w) => knock(w.member, w.roomId), answers: 403 },
  { name: 'the invited need not knock', given: joinRule('knock'), does: (w) => knock(w.invited, w.roomId), answers: 403 },
  {
    name: 'nobody knocks for somebody else',
    given: joinRule('knock'),
    does: (w) => putState(w.member, w.roomId, 'm.room.member', { membership: 'knock' }, w.left.userId),
    answers: 403,
  },

  // Sending
  { name: 'members speak', does: (w) => say(w.member, w.roomId), answers: 200 },
  { name: 'outsiders do not speak', does: (w) => say(w.outsider, w.roomId), answers: 403 },
  { name: 'the invited do not speak', does: (w) => say(w.invited, w.roomId), answers: 403 },
  { name: 'who left does not speak', does: (w) => say(w.left, w.roomId), answers: 403 },
  { name: 'the banned do not speak', does: (w) => say(w.banned, w.roomId), answers: 403 },
  { name: 'the muted do not speak', given: levels(MUTED), does: (w) => say(w.member, w.roomId), answers: 403 },
  { name: 'moderators speak in a muted room', given: levels(MUTED), does: (w) => say(w.mod, w.roomId), answers: 200 },
  {
    name: 'who is muted alone does not speak',
    given: levels((w) => ({ users: { ...usersOf(w), [w.member.userId]: -1 } })),
    does: (w) => say(w.member, w.roomId),
    answers: 403,
  },
  {
    name: 'a level of one type binds that type',
    given: levels({ events: { 'm.room.message': 50 } }),
    does: (w) => say(w.member, w.roomId),
    answers: 403,
  },
  {
    name: 'a membership event is no message',
    does: (w) => call('PUT', `/rooms/${enc(w.roomId)}/send/m.room.member/x`, { token: w.admin.token, body: { membership: 'join' } }),
    answers: 403,
  },

  // State
  { name: 'moderators name the room', does: (w) => putState(w.mod, w.roomId, 'm.room.name', { name: 'x' }), answers: 200 },
  { name: 'members do not name the room', does: (w) => putState(w.member, w.roomId, 'm.room.name', { name: 'x' }), answers: 403 },
  { name: 'who left does not name the room', does: (w) => putState(w.left, w.roomId, 'm.room.name', { name: 'x' }), answers: 403 },
  { name: 'members set no state without a level of its own', does: (w) => putState(w.member, w.roomId, 'test.state', {}), answers: 403 },
  {
    name: 'members do not change who may join',
    does: (w) => putState(w.member, w.roomId, 'm.room.join_rules', { join_rule: 'invite' }),
    answers: 403,
  },
  {
    name: 'moderators do not change who may read',
    does: (w) => putState(w.mod, w.roomId, 'm.room.history_visibility', { history_visibility: 'joined' }),
    answers: 403,
  },
  {
    name: 'members may set state that is theirs',
    given: levels({ events: { 'test.own': 0 } }),
    does: (w) => putState(w.member, w.roomId, 'test.own', {}, w.member.userId),
    answers: 200,
  },
  {
    name: 'nobody sets state that is somebody else’s',
    given: levels({ events: { 'test.own': 0 } }),
    does: (w) => putState(w.admin, w.roomId, 'test.own', {}, w.member.userId),
    answers: 403,
  },
  {
    name: 'inviting by e-mail needs the invite level',
    given: levels({ events: { 'm.room.third_party_invite': 0 } }),
    does: (w) => putState(w.member, w.roomId, 'm.room.third_party_invite', {}, 'token'),
    answers: 403,
  },
  {
    name: 'with the invite level one may invite by e-mail',
    does: (w) => putState(w.mod, w.roomId, 'm.room.third_party_invite', {}, 'token'),
    answers: 200,
  },
  {
    name: 'only creators end a version 12 room',
    versions: ['12'],
    does: (w) => putState(w.mod, w.roomId, 'm.room.tombstone', { body: 'x' }),
    answers: 403,
  },

  // Power levels
  {
    name: 'members do not set power levels',
    does: (w) => putState(w.member, w.roomId, 'm.room.power_levels', { users: { [w.member.userId]: 100 } }),
    answers: 403,
  },
  { name: 'the admin sets power levels', does: changeLevels('admin', { ban: 70 }), answers: 200 },
  { name: 'a moderator lowers a level within reach', does: changeLevels('mod', { redact: 40 }), answers: 200 },
  { name: 'a moderator raises no level out of reach', does: changeLevels('mod', { redact: 51 }), answers: 403 },
  {
    name: 'a moderator lowers no level that is out of reach',
    given: levels({ kick: 60 }),
    does: changeLevels('mod', { kick: 50 }),
    answers: 403,
  },
  { name: 'a moderator does not rise', does: changeUser('mod', 'mod', 51), answers: 403 },
  { name: 'a moderator may step down', does: changeUser('mod', 'mod', 10), answers: 200 },
  { name: 'a moderator does not touch an equal', does: changeUser('mod', 'mod2', 0), answers: 403 },
  { name: 'a moderator makes equals', does: changeUser('mod', 'member', 50), answers: 200 },
  { name: 'a moderator makes nobody greater', does: changeUser('mod', 'member', 51), answers: 403 },
  {
    name: 'a moderator does not touch a type out of reach',
    does: changeLevels('mod', { events: { 'm.room.history_visibility': 50 } }),
    answers: 403,
  },
  { name: 'a moderator sets a type within reach', does: changeLevels('mod', { events: { 'test.type': 50 } }), answers: 200 },
  { name: 'a moderator does not set a type out of reach', does: changeLevels('mod', { events: { 'test.type': 51 } }), answers: 403 },
  {
    name: 'a moderator does not decide about notifications out of reach',
    does: changeLevels('mod', { notifications: { room: 60 } }),
    answers: 403,
  },
  {
    name: 'a moderator decides about notifications within reach',
    does: changeLevels('mod', { notifications: { room: 20 } }),
    answers: 200,
  },
  { name: 'levels are integers', does: changeLevels('admin', { ban: '50' }), answers: 403 },
  { name: 'levels of types are integers', does: changeLevels('admin', { events: { 'test.type': '50' } }), answers: 403 },
  { name: 'levels of users are integers', does: changeUser('admin', 'member', '50'), answers: 403 },
  { name: 'only users have levels', does: changeLevels('admin', { users: { nobody: 1 } }), answers: 403 },
  { name: 'creators of version 12 have no level', versions: ['12'], does: changeUser('admin', 'admin', 100), answers: 400 },
  { name: 'the admin may step down before version 12', versions: ['10', '11'], does: changeUser('admin', 'admin', 99), answers: 200 },

  // Redactions
  { name: 'members redact their own words', does: (w) => redact(w.member, w.roomId, w.message), answers: 200 },
  { name: 'members do not redact the words of others', does: (w) => redact(w.other, w.roomId, w.message), answers: 403 },
  { name: 'moderators redact the words of others', does: (w) => redact(w.mod, w.roomId, w.message), answers: 200 },
  { name: 'outsiders redact nothing', does: (w) => redact(w.outsider, w.roomId, w.message), answers: 403 },
  {
    name: 'who left does not redact even their own',
    given: async (w) => ok(await leave(w.member, w.roomId)),
    does: (w) => redact(w.member, w.roomId, w.message),
    answers: 403,
  },
  {
    name: 'a redaction by another way needs the same power',
    does: (w) => call('PUT', `/rooms/${enc(w.roomId)}/send/m.room.redaction/x`, { token: w.other.token, body: { redacts: w.message } }),
    answers: 403,
  },

  // Reading (R3)
  {
    name: 'the invited do not read state',
    does: (w) => call('GET', `/rooms/${enc(w.roomId)}/state`, { token: w.invited.token }),
    answers: 403,
  },
  {
    name: 'the invited do not read messages',
    does: (w) => call('GET', `/rooms/${enc(w.roomId)}/messages?dir=b`, { token: w.invited.token }),
    answers: 403,
  },
  {
    name: 'the invited do not read members',
    does: (w) => call('GET', `/rooms/${enc(w.roomId)}/joined_members`, { token: w.invited.token }),
    answers: 403,
  },
  { name: 'outsiders do not read state', does: (w) => getState(w.outsider, w.roomId, 'm.room.create'), answers: 403 },
]

let cast: TestSession[] = []

beforeAll(async () => {
  cast = await people(CAST_SIZE)
})

/** Rooms for cases that change nothing, by version. */
const shared = new Map<string, Promise<World>>()

function worldFor(version: string, { given, answers }: Case): Promise<World> {
  if (given !== undefined || answers === 200) return buildWorld(cast, version)
  const world = shared.get(version) ?? buildWorld(cast, version)
  shared.set(version, world)
  return world
}

describe.each(['10', '11', '12'])('E12, R3: in a room of version %s', (version) => {
  it.each(CASES.filter(({ versions }) => versions === undefined || versions.includes(version)))('$name', async (rule) => {
    const world = await worldFor(version, rule)
    await rule.given?.(world)
    const before = await readableEvents(world.admin, world.roomId)
    const answer = await rule.does(world)
    expect({ status: answer.status, body: answer.body }).toMatchObject({ status: rule.answers })
    if (answer.status === 200) return
    expect(typeof answer.body.errcode).toBe('string')
    expect(await readableEvents(world.admin, world.roomId)).toEqual(before)
  })
})
