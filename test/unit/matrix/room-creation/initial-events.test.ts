import { describe, expect, it } from 'vitest'
import { MatrixError } from '../../../../src/matrix/errors.ts'
import { createContent } from '../../../../src/matrix/room-creation/create-content.ts'
import { initialEvents } from '../../../../src/matrix/room-creation/initial-events.ts'
import { initialPowerLevels } from '../../../../src/matrix/room-creation/initial-power-levels.ts'
import { ROOM_PRESETS } from '../../../../src/matrix/room-creation/presets.ts'
import type { RoomPlan } from '../../../../src/matrix/room-creation/room-plan.ts'
import { findRoomVersionRules } from '../../../../src/matrix/room-versions/rules.ts'

const ALICE = '@alice:one.test'
const BOB = '@bob:one.test'

function plan(changes: Partial<RoomPlan> & { readonly version?: string } = {}): RoomPlan {
  const rules = findRoomVersionRules(changes.version ?? '12')
  if (rules === undefined) throw new Error('unknown version')
  return {
    rules,
    preset: ROOM_PRESETS.private_chat,
    creator: ALICE,
    creatorProfile: { displayname: 'Alice' },
    invite: [],
    isDirect: false,
    alias: undefined,
    name: undefined,
    topic: undefined,
    initialState: [],
    creationContent: {},
    powerLevelOverride: undefined,
    ...changes,
  }
}

const typesOf = (room: RoomPlan) => initialEvents(room).map(({ type }) => type)
const find = (room: RoomPlan, type: string) => initialEvents(room).find((event) => event.type === type)?.content

describe('the state that a new room starts with', () => {
  it('comes in the order of the specification', () => {
    const room = plan({
      invite: [{ userId: BOB, profile: {} }],
      name: 'Name',
      topic: 'Topic',
      initialState: [{ type: 'm.room.encryption', stateKey: '', content: { algorithm: 'm.megolm.v1.aes-sha2' } }],
    })
    expect(typesOf(room)).toEqual([
      'm.room.member',
      'm.room.power_levels',
      'm.room.join_rules',
      'm.room.history_visibility',
      'm.room.guest_access',
      'm.room.encryption',
      'm.room.name',
      'm.room.topic',
      'm.room.member',
    ])
  })

  it('lets initial state replace the preset, and name and topic replace initial state', () => {
    const room = plan({
      topic: 'mine',
      initialState: [
        { type: 'm.room.join_rules', stateKey: '', content: { join_rule: 'knock' } },
        { type: 'm.room.topic', stateKey: '', content: { topic: 'theirs' } },
      ],
    })
    expect(typesOf(room).filter((type) => type === 'm.room.join_rules' || type === 'm.room.topic')).toHaveLength(2)
    expect(find(room, 'm.room.join_rules')).toEqual({ join_rule: 'knock' })
    expect(find(room, 'm.room.topic')).toMatchObject({ topic: 'mine', 'm.topic': { 'm.text': [{ body: 'mine' }] } })
  })

  it('puts power levels that the client brings before everything they decide about', () => {
    const levels = { users: { [ALICE]: 100 }, invite: 7 }
    const room = plan({ version: '11', initialState: [{ type: 'm.room.power_levels', stateKey: '', content: levels }] })
    expect(typesOf(room).indexOf('m.room.power_levels')).toBe(1)
    expect(typesOf(room).filter((type) => type === 'm.room.power_levels')).toHaveLength(1)
    expect(find(room, 'm.room.power_levels')).toEqual(levels)
  })

  it('puts profiles and is_direct into membership events', () => {
    const room = plan({ isDirect: true, invite: [{ userId: BOB, profile: { displayname: 'Bob', avatar_url: 'mxc://one.test/b' } }] })
    const members = initialEvents(room).filter(({ type }) => type === 'm.room.member')
    expect(members.map(({ content }) => content)).toEqual([
      { displayname: 'Alice', membership: 'join' },
      { displayname: 'Bob', avatar_url: 'mxc://one.test/b', is_direct: true, membership: 'invite' },
    ])
  })
})

describe('the presets', () => {
  it.each([
    ['private_chat', 'invite', 'can_join'],
    ['trusted_private_chat', 'invite', 'can_join'],
    ['public_chat', 'public', undefined],
  ] as const)('%s: join rule %s, guests %s, shared history', (name, joinRule, guestAccess) => {
    const room = plan({ preset: ROOM_PRESETS[name] })
    expect(find(room, 'm.room.join_rules')).toEqual({ join_rule: joinRule })
    expect(find(room, 'm.room.guest_access')).toEqual(guestAccess === undefined ? undefined : { guest_access: guestAccess })
    expect(find(room, 'm.room.history_visibility')).toEqual({ history_visibility: 'shared' })
  })
})

describe('power levels of a new room', () => {
  it('name the creator before version 12 and nobody from it on', () => {
    expect(initialPowerLevels(plan({ version: '11' })).users).toEqual({ [ALICE]: 100 })
    expect(initialPowerLevels(plan({ version: '12' })).users).toEqual({})
  })

  it('keep tombstones out of reach of everybody with a level in version 12', () => {
    expect(initialPowerLevels(plan({ version: '12' })).events).toMatchObject({ 'm.room.tombstone': 150 })
    expect(initialPowerLevels(plan({ version: '10' })).events).toMatchObject({ 'm.room.tombstone': 100 })
  })

  it('make invited users equals in a trusted private chat', () => {
    const trusted = { preset: ROOM_PRESETS.trusted_private_chat, invite: [{ userId: BOB, profile: {} }] }
    expect(initialPowerLevels(plan({ ...trusted, version: '11' })).users).toEqual({ [ALICE]: 100, [BOB]: 100 })
    expect(initialPowerLevels(plan({ ...trusted, version: '12' })).users).toEqual({})
    expect(createContent(plan({ ...trusted, version: '12' }))).toEqual({ room_version: '12', additional_creators: [BOB] })
  })

  it('are overridden key by key', () => {
    const levels = initialPowerLevels(plan({ powerLevelOverride: { invite: 99, events: { x: 1 } } }))
    expect(levels).toMatchObject({ invite: 99, events: { x: 1 }, ban: 50 })
  })
})

describe('the content of the create event', () => {
  it('keeps what the client asks for, except what is the server’s to say', () => {
    const creationContent = { 'm.federate': false, type: 'm.space', creator: '@mallory:two.test', room_version: '1' }
    expect(createContent(plan({ version: '10', creationContent }))).toEqual({
      'm.federate': false,
      type: 'm.space',
      creator: ALICE,
      room_version: '10',
    })
    expect(createContent(plan({ version: '11', creationContent }))).toEqual({ 'm.federate': false, type: 'm.space', room_version: '11' })
  })

  it('lists additional creators once, and never the creator', () => {
    const creationContent = { additional_creators: [BOB, ALICE, BOB] }
    expect(createContent(plan({ creationContent })).additional_creators).toEqual([BOB])
  })

  it.each([['@bob:one.test'], [['bob']], [[7]], [{}]])('refuses %j as additional creators in version 12', (value) => {
    expect(() => createContent(plan({ creationContent: { additional_creators: value } }))).toThrow(MatrixError)
  })
})
