import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { RoomEvent } from '../../../../src/matrix/events/room-event.ts'
import type { JsonObject } from '../../../../src/matrix/json.ts'
import { authTypesFor } from '../../../../src/state-resolution/auth/auth-types.ts'
import { authStateOf, checkAgainstAuthEvents, checkAuth } from '../../../../src/state-resolution/auth/check-auth.ts'
import { mayApplyRedaction } from '../../../../src/state-resolution/auth/redaction.ts'
import { joinAuthoriserOf } from '../../../../src/state-resolution/auth/restricted-join.ts'
import { PROPERTY_TIMEOUT_MS, propertyRuns } from '../../../support/property-runs.ts'
import { aRoom, rulesOf } from '../../../support/room-builder.ts'
import { CREATOR, castRoom, MODERATOR, USER } from './cases/case.ts'

const ALL = ['1', '2', '3', '4', '5', '6', '7', '8', '9', '10', '11', '12']
const RUNS = propertyRuns(300, ALL.length)

describe('authorization fails closed', () => {
  test.each(ALL)('version %s: in a state without a create event', (version) => {
    const room = castRoom(version)
    const { get } = room.room.authState(room.state)
    const withoutCreate = (type: string, key: string) => (type === 'm.room.create' ? undefined : get(type, key))
    expect(checkAuth(room.says(CREATOR), { get: withoutCreate, create: undefined }, room.rules)).toMatchObject({
      allowed: false,
      reason: 'state_without_create',
    })
  })

  test.each(ALL)('version %s: in the state of another room', (version) => {
    const room = castRoom(version)
    const foreign = { ...room.says(CREATOR), roomId: '!elsewhere:one.test' }
    expect(room.verdictOn(foreign)).toMatchObject({ allowed: false, reason: 'state_of_other_room' })
  })

  test.each(ALL)('version %s: every event of an ordinary room passes against its own auth events', (version) => {
    const room = castRoom(version).banned(MODERATOR, USER).kicked(MODERATOR, USER).invited(MODERATOR, USER).joinedBy(USER)
    for (const event of room.room.events.values()) {
      const authEvents = event.authEvents.map((id) => room.room.get(id))
      expect(checkAgainstAuthEvents(event, authEvents, () => false, room.rules, room.create)).toEqual({ allowed: true })
    }
  })
})

/** JSON of any shape, rich in the names and values that rules look for. */
const words = fc.constantFrom('join', 'leave', 'ban', 'invite', 'knock', 'public', 'restricted', CREATOR, USER, '50', '__proto__', '')
const keys = fc.constantFrom(
  'membership',
  'join_rule',
  'users',
  'events',
  'ban',
  'users_default',
  'third_party_invite',
  'signed',
  'mxid',
  'token',
  'signatures',
  'creator',
  'additional_creators',
  'room_version',
  'public_keys',
  'join_authorised_via_users_server',
  'constructor',
  CREATOR,
  USER,
)
const { content } = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    words,
    fc.constantFrom(null, true, 0, 50, -1, 100, 1.5, 2 ** 53, Number.MAX_VALUE),
    fc.array(tie('value'), { maxLength: 3 }),
    tie('content'),
  ),
  content: fc.dictionary(keys, tie('value'), { maxKeys: 6 }),
}))

const TYPES = [
  'm.room.create',
  'm.room.member',
  'm.room.power_levels',
  'm.room.join_rules',
  'm.room.third_party_invite',
  'm.room.redaction',
  'm.room.aliases',
  'm.room.message',
  'constructor',
]

describe('malformed content (E20)', { timeout: PROPERTY_TIMEOUT_MS }, () => {
  test.each(ALL)('version %s: gives a verdict, whatever event and state contain', (version) => {
    const room = castRoom(version)
    const base = room.says(CREATOR)
    const anyEvent = fc.record({ type: fc.constantFrom(...TYPES), stateKey: fc.option(words, { nil: undefined }), sender: words, content })
    fc.assert(
      fc.property(anyEvent, fc.array(anyEvent, { maxLength: 6 }), content, (choice, others, creation) => {
        const event: RoomEvent = { ...base, ...choice, content: choice.content as JsonObject }
        const state = others.map((other) => ({ ...base, ...other, content: other.content as JsonObject }))
        const create = { ...room.create, content: creation as JsonObject }
        const verdict = checkAuth(event, authStateOf(state, create), room.rules)
        if (!verdict.allowed)
          expect(verdict).toMatchObject({ rule: expect.stringMatching(/^\d+(\.\d+)*$/), message: expect.stringMatching(/\.$/) })
        expect(authTypesFor(event, room.rules).length).toBeLessThanOrEqual(7)
      }),
      { numRuns: RUNS },
    )
  })
})

describe('applying redactions (rooms/v3#handling-redactions)', () => {
  function redacting(version: string, by: string, of: 'peer' | 'creator', changes: Partial<RoomEvent> = {}): boolean {
    const room = castRoom(version)
    const target = of === 'creator' ? room.says(CREATOR) : room.says('@peer:two.test')
    const event = room.draft({ type: 'm.room.redaction', sender: by, redacts: target.eventId })
    return mayApplyRedaction({ ...event, ...changes }, target, room.room.authState(room.state), room.rules)
  }

  test.each(ALL.slice(2))('version %s: needs the level, or the same server', (version) => {
    expect(redacting(version, MODERATOR, 'creator')).toBe(true)
    expect(redacting(version, USER, 'creator')).toBe(false)
    expect(redacting(version, USER, 'peer')).toBe(true)
  })

  test.each(ALL)('version %s: never reaches another event or another room (E13)', (version) => {
    expect(redacting(version, CREATOR, 'peer', { redacts: '$other:x' })).toBe(false)
    expect(redacting(version, CREATOR, 'peer', { roomId: '!other:x' })).toBe(false)
  })

  test.each(ALL)('version %s: leaves the create event alone (E13)', (version) => {
    const room = castRoom(version)
    const event = room.draft({ type: 'm.room.redaction', sender: CREATOR, redacts: room.create.eventId })
    expect(mayApplyRedaction(event, room.create, room.room.authState(room.state), room.rules)).toBe(false)
  })
})

describe('whose signature a restricted join needs besides its sender’s', () => {
  const join = (via: unknown, membership = 'join') => ({
    type: 'm.room.member',
    content: { membership, join_authorised_via_users_server: via } as JsonObject,
  })

  test('is that of the authorizing user’s server', () => {
    expect(joinAuthoriserOf(join('@a:[::1]:8448'), rulesOf('8'))).toEqual({ userId: '@a:[::1]:8448', serverName: '[::1]:8448' })
  })

  test('is nobody’s for other memberships, other types, other versions and malformed names', () => {
    expect(joinAuthoriserOf(join('@a:x.test', 'leave'), rulesOf('11'))).toBeUndefined()
    expect(joinAuthoriserOf({ ...join('@a:x.test'), type: 'm.room.message' }, rulesOf('11'))).toBeUndefined()
    expect(joinAuthoriserOf(join('@a:x.test'), rulesOf('7'))).toBeUndefined()
    for (const via of [undefined, null, 5, 'a', '@a', '@a:', ['@a:x.test']])
      expect(joinAuthoriserOf(join(via), rulesOf('11'))).toBeUndefined()
  })
})

describe('creators of version 12', () => {
  test('outrank every level and each other’s removal', () => {
    const room = aRoom({ version: '12', creation: { additional_creators: ['@second:two.test'] } }).joinedBy('@second:two.test', USER)
    room.powerLevels(CREATOR, { users: { [USER]: Number.MAX_SAFE_INTEGER }, ban: Number.MAX_SAFE_INTEGER })
    const ban = (by: string, of: string) =>
      room.verdictOn(room.draft({ type: 'm.room.member', sender: by, stateKey: of, content: { membership: 'ban' } }))
    expect(ban('@second:two.test', USER)).toEqual({ allowed: true })
    expect(ban(USER, '@second:two.test')).toMatchObject({ reason: 'ban_target_level_too_high' })
    expect(ban(CREATOR, '@second:two.test')).toMatchObject({ reason: 'ban_target_level_too_high' })
  })
})
