import { describe, expect, test } from 'vitest'
import type { JsonObject } from '../../../../src/matrix/json.ts'
import { authTypesFor } from '../../../../src/state-resolution/auth/auth-types.ts'
import { rulesOf } from '../../../support/room-builder.ts'

const SENDER = '@a:x.test'
const TARGET = '@b:x.test'
const BASE = ['m.room.create|', `m.room.member|${SENDER}`, 'm.room.power_levels|']

function select(version: string, type: string, content: JsonObject = {}, stateKey: string | undefined = undefined): string[] {
  return authTypesFor({ type, stateKey, sender: SENDER, content }, rulesOf(version))
    .map(([selected, key]) => `${selected}|${key}`)
    .sort()
}

describe('the selection of auth events (server-server-api#auth-events-selection)', () => {
  test('is empty for the create event', () => {
    expect(select('11', 'm.room.create', {}, '')).toEqual([])
  })

  test('has create event, power levels and the sender’s membership for any event', () => {
    expect(select('1', 'm.room.message')).toEqual(BASE)
    expect(select('11', 'm.room.topic', {}, '')).toEqual(BASE)
  })

  test('lacks the create event from version 12', () => {
    expect(select('12', 'm.room.message')).toEqual(BASE.slice(1))
  })

  test.each(['join', 'invite', 'knock'])('adds target and join rules for %s', (membership) => {
    const expected = [...BASE, 'm.room.join_rules|', `m.room.member|${TARGET}`].sort()
    expect(select('7', 'm.room.member', { membership }, TARGET)).toEqual(expected)
  })

  test.each(['leave', 'ban', 'nonsense'])('adds the target alone for %s', (membership) => {
    expect(select('7', 'm.room.member', { membership }, TARGET)).toEqual([...BASE, `m.room.member|${TARGET}`].sort())
  })

  test('names a user who is sender and target once', () => {
    expect(select('11', 'm.room.member', { membership: 'leave' }, SENDER)).toEqual(BASE)
  })

  test('adds the third-party invite whose token an invite shows', () => {
    const content = { membership: 'invite', third_party_invite: { signed: { token: 'abc' } } }
    expect(select('1', 'm.room.member', content, TARGET)).toContain('m.room.third_party_invite|abc')
    expect(select('1', 'm.room.member', { ...content, membership: 'join' }, TARGET)).not.toContain('m.room.third_party_invite|abc')
  })

  test.each([null, 'x', [], { signed: null }, { signed: { token: 5 } }])('ignores the malformed third-party invite %j', (invite) => {
    const selected = select('11', 'm.room.member', { membership: 'invite', third_party_invite: invite }, TARGET)
    expect(selected.some((entry) => entry.startsWith('m.room.third_party_invite'))).toBe(false)
  })

  test('adds the membership of who authorizes a join, from version 8', () => {
    const content = { membership: 'join', join_authorised_via_users_server: '@c:x.test' }
    expect(select('8', 'm.room.member', content, SENDER)).toContain('m.room.member|@c:x.test')
    expect(select('7', 'm.room.member', content, SENDER)).not.toContain('m.room.member|@c:x.test')
    expect(select('8', 'm.room.member', { ...content, membership: 'invite' }, SENDER)).not.toContain('m.room.member|@c:x.test')
    expect(select('8', 'm.room.member', { ...content, join_authorised_via_users_server: 5 }, SENDER)).toHaveLength(4)
  })

  test('never exceeds the ten entries that an event may have', () => {
    const content = {
      membership: 'invite',
      third_party_invite: { signed: { token: 'abc' } },
      join_authorised_via_users_server: '@c:x.test',
    }
    expect(select('11', 'm.room.member', content, TARGET).length).toBeLessThanOrEqual(7)
  })
})
