import { describe, expect, test } from 'vitest'
import type { JsonObject } from '../../../src/matrix/json.ts'
import { type CreateFacts, isRoomCreator, PowerLevels, parsePowerLevel } from '../../../src/matrix/power-levels.ts'
import { findRoomVersionRules, ROOM_VERSIONS, type RoomVersionRules } from '../../../src/matrix/room-versions/rules.ts'

function rulesOf(version: string): RoomVersionRules {
  const rules = findRoomVersionRules(version)
  if (rules === undefined) throw new Error(`unknown version ${version}`)
  return rules
}

const createOf = (rules: RoomVersionRules): CreateFacts => ({
  sender: '@creator:one.test',
  content: rules.implicitCreator ? { additional_creators: ['@second:one.test'] } : { creator: '@creator:one.test' },
})

describe.each(ROOM_VERSIONS)('power levels in room version %s', (version) => {
  const rules = rulesOf(version)
  const levelsOf = (content?: JsonObject): PowerLevels => new PowerLevels(createOf(rules), content, rules)

  test('have defaults while there is no power-levels event', () => {
    const levels = levelsOf()
    expect(levels).toMatchObject({ ban: 50, kick: 50, redact: 50, invite: 0 })
    expect([levels.eventLevel('m.room.name', true), levels.eventLevel('m.room.message', false), levels.notifications('room')]).toEqual([
      50, 0, 50,
    ])
    expect(levels.userLevel('@other:one.test')).toBe(0)
    expect(levels.userLevel('@creator:one.test')).toBe(rules.privilegedCreators ? Number.POSITIVE_INFINITY : 100)
  })

  test('have the same defaults for what an empty event leaves out, but for the creator', () => {
    const levels = levelsOf({})
    expect(levels).toMatchObject({ ban: 50, kick: 50, redact: 50, invite: 0 })
    expect([levels.eventLevel('x', true), levels.eventLevel('x', false), levels.notifications('room')]).toEqual([50, 0, 50])
    expect(levels.userLevel('@creator:one.test')).toBe(rules.privilegedCreators ? Number.POSITIVE_INFINITY : 0)
  })

  test('are read from the event', () => {
    const levels = levelsOf({
      ban: 1,
      kick: 2,
      redact: 3,
      invite: 4,
      users_default: 5,
      events_default: 6,
      state_default: 7,
      users: { '@a:one.test': -8 },
      events: { 'm.room.name': 9 },
      notifications: { room: 10 },
    })
    expect(levels).toMatchObject({ ban: 1, kick: 2, redact: 3, invite: 4 })
    expect([levels.userLevel('@a:one.test'), levels.userLevel('@b:one.test')]).toEqual([-8, 5])
    expect([levels.eventLevel('m.room.name', false), levels.eventLevel('x', false), levels.eventLevel('x', true)]).toEqual([9, 6, 7])
    expect([levels.notifications('room'), levels.notifications('other')]).toEqual([10, 50])
  })

  test('find nothing on prototypes (P7)', () => {
    const levels = levelsOf({ users: {}, events: {}, notifications: {} })
    expect([levels.userLevel('constructor'), levels.eventLevel('toString', false), levels.notifications('__proto__')]).toEqual([0, 0, 50])
    const named = levelsOf(JSON.parse('{"users":{"__proto__":7},"events":{"constructor":8}}'))
    expect([named.userLevel('__proto__'), named.eventLevel('constructor', false)]).toEqual([7, 8])
  })

  test('may be strings and fractions before version 10 only', () => {
    const lenient = !rules.integerPowerLevels
    for (const [value, level] of [
      ['100', 100],
      [' 00100 ', 100],
      ['+100', 100],
      ['-100', -100],
      [50.57, 50],
      [-50.57, -50],
    ] as const) {
      expect(parsePowerLevel(value, rules)).toBe(lenient ? level : undefined)
    }
    for (const value of ['1.0', '', '1e2', '0x10', 'abc', '- 1', '١', true, null, {}, [], Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(parsePowerLevel(value, rules)).toBeUndefined()
    }
  })

  test('that cannot be read let nobody do anything', () => {
    const levels = levelsOf({ ban: 'many', users_default: {}, events: { x: [] } })
    expect([levels.ban, levels.eventLevel('x', false)]).toEqual([Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY])
    expect(levels.userLevel('@a:one.test')).toBe(Number.NEGATIVE_INFINITY)
  })

  test('know the creators', () => {
    const create = createOf(rules)
    expect(isRoomCreator(create, '@creator:one.test', rules)).toBe(true)
    expect(isRoomCreator(create, '@second:one.test', rules)).toBe(version === '12')
    expect(isRoomCreator({ ...create, content: { creator: '@claimed:one.test' } }, '@claimed:one.test', rules)).toBe(!rules.implicitCreator)
    expect(isRoomCreator({ ...create, content: { additional_creators: 'text' } }, 'text', rules)).toBe(false)
  })
})
