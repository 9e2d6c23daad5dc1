import { describe, expect, test } from 'vitest'
import { checkStateIndependent } from '../../../src/state-resolution/auth/check-auth.ts'
import { resolveState, type StateMap, stateMapKey } from '../../../src/state-resolution/index.ts'
import { aRoom, type RoomBranch, rulesOf } from '../../support/room-builder.ts'
import { tinyEvents } from '../../support/tiny-events.ts'

const CREATOR = '@creator:one.test'
const MODERATOR = '@moderator:two.test'
const USER = '@user:three.test'
const LATER = ['2', '6', '10', '11', '12']

function room(version: string): RoomBranch {
  return aRoom({ version, powerLevels: { users: { [MODERATOR]: 50 } } }).joinedBy(MODERATOR, USER)
}

describe.each(LATER)('room version %s', (version) => {
  test('a ban prevails over what the banned user did meanwhile', () => {
    const main = room(version).powerLevels(CREATOR, { users: { [USER]: 50 } })
    const other = main.fork()
    main.banned(CREATOR, USER)
    const topic = other.send({ type: 'm.room.topic', sender: USER, stateKey: '', content: { topic: 'mine' } })
    main.merge(other)
    expect(main.find('m.room.member', USER)?.content.membership).toBe('ban')
    expect(main.find('m.room.topic')?.eventId).not.toBe(topic.eventId)
  })

  test('a ban prevails over joining again elsewhere', () => {
    const main = room(version)
    const other = main.fork().leftBy(USER).joinedBy(USER)
    main.banned(MODERATOR, USER)
    expect(other.merge(main).find('m.room.member', USER)?.content.membership).toBe('ban')
  })

  test('of two who demote each other the more powerful one prevails', () => {
    const main = room(version).powerLevels(CREATOR, { users: { [MODERATOR]: 99 }, events: { 'm.room.power_levels': 99 } })
    const other = main.fork()
    main.powerLevels(CREATOR, { users: { [MODERATOR]: 0 } })
    other.powerLevels(MODERATOR, { users: { [USER]: 99 } })
    main.merge(other)
    expect(main.find('m.room.power_levels')?.content).toMatchObject({ users: { [MODERATOR]: 0 } })
    expect(main.find('m.room.power_levels')?.content).not.toMatchObject({ users: { [USER]: 99 } })
  })

  test('the later of two equal changes prevails', () => {
    const main = room(version)
    const other = main.fork()
    main.set(CREATOR, 'm.room.topic', { topic: 'earlier' })
    other.set(CREATOR, 'm.room.topic', { topic: 'later' })
    expect(other.merge(main).find('m.room.topic')?.content.topic).toBe('later')
  })

  test('both sides’ joins stay', () => {
    const main = room(version)
    const other = main.fork().joinedBy('@b:b.test')
    main.joinedBy('@a:a.test').merge(other)
    expect(main.find('m.room.member', '@a:a.test')).toBeDefined()
    expect(main.find('m.room.member', '@b:b.test')).toBeDefined()
  })

  test('depth, which peers choose, decides nothing (E15)', () => {
    const main = room(version)
    const other = main.fork().set(CREATOR, 'm.room.topic', { topic: 'a' })
    main.set(CREATOR, 'm.room.topic', { topic: 'b' })
    const inputs = [main.state, other.state]
    const deep = (id: string) => {
      const event = main.room.events.get(id)
      return event && { ...event, depth: event.content.topic === 'a' ? Number.MAX_SAFE_INTEGER : -1 }
    }
    const plain = resolveState(inputs, main.room.lookup, main.rules)
    expect(resolveState(inputs, { get: deep, isRejected: () => false }, main.rules)).toEqual(plain)
  })

  test('a rejected event neither enters the state nor authorizes another (E8)', () => {
    const main = room(version)
    const other = main.fork().powerLevels(CREATOR, { users: { [USER]: 50 } })
    const levels = other.last
    other.set(USER, 'm.room.topic', { topic: 'mine' })
    const topic = other.last
    main.room.rejected.add(levels.eventId)
    const isRejected = (id: string) => main.room.rejected.has(id)
    const authEvents = topic.authEvents.map((id) => main.room.get(id))
    expect(checkStateIndependent(topic, authEvents, isRejected, main.rules, main.create)).toMatchObject({ reason: 'auth_event_rejected' })
    main.merge(other)
    expect(main.find('m.room.power_levels')?.eventId).not.toBe(levels.eventId)
    expect(main.find('m.room.topic')).toBeUndefined()
  })

  test('an event is allowed by the state before it and refused by the current state: soft failure (E7, E9)', () => {
    const main = room(version)
    const evading = main.fork()
    main.banned(MODERATOR, USER)
    const event = evading.draft({ type: 'm.room.message', sender: USER, content: { body: 'still here' } })
    expect(evading.verdictOn(event)).toEqual({ allowed: true })
    expect(main.verdictOn(event)).toMatchObject({ allowed: false, reason: 'sender_not_joined' })
  })

  test('types and state keys that are names of prototype members are keys like others (P7)', () => {
    const main = room(version)
    const other = main.fork()
    for (const [branch, words] of [
      [main, 'one'],
      [other, 'other'],
    ] as const) {
      for (const name of ['__proto__', 'constructor', 'toString', 'hasOwnProperty']) {
        branch.send({ type: name, sender: CREATOR, stateKey: name, content: { words } })
      }
    }
    main.merge(other)
    for (const name of ['__proto__', 'constructor', 'toString', 'hasOwnProperty']) {
      expect(main.find(name, name)?.content).toEqual({ words: 'other' })
      expect(main.find(name)).toBeUndefined()
    }
  })

  test('unknown events under conflicted keys fall away', () => {
    const main = room(version)
    const claimed = new Map([...main.state, [stateMapKey('m.room.topic', ''), '$nobody-knows:x.test']])
    expect(resolveState([main.state, claimed], main.room.lookup, main.rules)).toEqual(main.state)
  })
})

describe('any room version', () => {
  test.each(['1', '2', '11', '12'])('%s: one state is its own resolution, and no state resolves to nothing', (version) => {
    const main = room(version)
    expect(resolveState([main.state], main.room.lookup, main.rules)).toEqual(main.state)
    expect(resolveState([main.state, main.state], main.room.lookup, main.rules)).toEqual(main.state)
    expect(resolveState([], main.room.lookup, main.rules)).toEqual(new Map())
  })
})

describe('room version 1', () => {
  test('picks the deepest allowed event, which lets the banned win a race', () => {
    const main = room('1').powerLevels(CREATOR, { users: { [USER]: 50 } })
    const other = main.fork()
    main.set(CREATOR, 'm.room.topic', { topic: 'theirs' })
    other.says(USER)
    other.set(USER, 'm.room.topic', { topic: 'mine' })
    expect(main.merge(other).find('m.room.topic')?.content.topic).toBe('mine')
  })

  test('takes a key that only some states have as agreed upon', () => {
    const main = room('1')
    const other = main.fork().joinedBy('@b:b.test')
    main.banned(CREATOR, USER).merge(other)
    expect(main.find('m.room.member', '@b:b.test')).toBeDefined()
    expect(main.find('m.room.member', USER)?.content.membership).toBe('ban')
  })
})

describe('graphs with cycles, which IDs chosen by their origin allow (S4)', () => {
  const member = (user: string, membership: string, ...auth: string[]) => ({
    type: 'm.room.member',
    stateKey: user,
    sender: '@a:x.test',
    content: { membership },
    auth,
  })
  const events = tinyEvents({
    '$c:x': { type: 'm.room.create', content: { creator: '@a:x.test', room_version: '2' } },
    '$a:x': member('@a:x.test', 'join', '$c:x'),
    '$p1:x': { type: 'm.room.power_levels', content: { users: { '@a:x.test': 100 } }, auth: ['$c:x', '$a:x', '$p2:x'] },
    '$p2:x': { type: 'm.room.power_levels', content: { users: { '@a:x.test': 99 } }, auth: ['$c:x', '$a:x', '$p1:x'] },
    '$b1:x': member('@b:x.test', 'ban', '$c:x', '$a:x', '$p1:x', '$b2:x'),
    '$b2:x': member('@b:x.test', 'leave', '$c:x', '$a:x', '$p2:x', '$b1:x', '$b2:x'),
  })
  const state = (...ids: string[]): StateMap =>
    new Map(ids.map((id) => [stateMapKey(events.get(id)?.type ?? '', events.get(id)?.stateKey ?? ''), id]))
  const inputs = [state('$c:x', '$a:x', '$p1:x', '$b1:x'), state('$c:x', '$a:x', '$p2:x', '$b2:x')]

  test.each(['1', '2', '11', '12'])('resolve in finite time under the rules of version %s', (version) => {
    const resolved = resolveState(inputs, { get: (id) => events.get(id), isRejected: () => false }, rulesOf(version))
    expect(resolved.get(stateMapKey('m.room.create', ''))).toBe('$c:x')
  })
})
