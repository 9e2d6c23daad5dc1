import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isEventId, isEventIdOfVersion } from '../../../../src/matrix/ids/event-id.ts'
import { isRoomAlias, parseRoomAlias } from '../../../../src/matrix/ids/room-alias.ts'
import { isRoomId, isRoomIdOfVersion, parseRoomId } from '../../../../src/matrix/ids/room-id.ts'
import { isServerName, parseServerName, serverNameOf } from '../../../../src/matrix/ids/server-name.ts'
import { isCompliantUserId, isUserId, isValidNewLocalpart, parseUserId } from '../../../../src/matrix/ids/user-id.ts'
import { findRoomVersionRules, ROOM_VERSIONS } from '../../../../src/matrix/room-versions/rules.ts'
import { readVectors } from '../vectors.ts'

type Parts = readonly [id: string, local: string, serverName: string | null]
interface IdVectors {
  readonly users: Readonly<
    Record<'invalid' | 'newLocalpartValid' | 'newLocalpartInvalid' | 'compliant' | 'nonCompliant', readonly string[]>
  > & { readonly valid: readonly Parts[] }
  readonly rooms: { readonly valid: readonly Parts[]; readonly invalid: readonly string[] }
  readonly aliases: { readonly valid: readonly Parts[]; readonly invalid: readonly string[] }
  readonly events: Readonly<Record<'origin' | 'hash-base64' | 'hash-base64url' | 'none', readonly string[]>>
}
interface ServerNameVectors {
  readonly valid: Readonly<Record<string, { readonly host: string; readonly kind: string; readonly port?: number }>>
  readonly invalid: readonly string[]
}

const { users, rooms, aliases, events } = readVectors<IdVectors>('ids/identifiers.json')
const serverNames = readVectors<ServerNameVectors>('ids/server-names.json')

describe('server names (appendices#server-name, P11)', () => {
  test.each(Object.entries(serverNames.valid))('%s is one', (name, parts) => {
    expect(parseServerName(name)).toEqual({ port: undefined, ...parts })
  })

  test.each(serverNames.invalid)('%j is none', (name) => {
    expect(isServerName(name)).toBe(false)
  })

  test('have a host of at most 255 characters', () => {
    expect(isServerName(`${'a'.repeat(255)}:1`)).toBe(true)
    expect(isServerName('a'.repeat(256))).toBe(false)
  })

  test('start behind the first colon of an identifier (P11)', () => {
    expect(serverNameOf('@a:[::1]:80')).toBe('[::1]:80')
    expect(serverNameOf('!hash')).toBeUndefined()
  })

  test('accept every IPv6 address that the platform accepts', () => {
    fc.assert(fc.property(fc.ipV6(), (address) => isServerName(`[${address}]`)))
  })
})

describe('user IDs (appendices#user-identifiers, P11)', () => {
  test.each(users.valid)('%j is one', (id, localpart, serverName) => {
    expect(parseUserId(id)).toEqual({ localpart, serverName })
  })
  test.each(users.invalid)('%j is none', (id) => expect(isUserId(id)).toBe(false))
  test.each(users.newLocalpartValid)('an account may be called %j', (name) => expect(isValidNewLocalpart(name)).toBe(true))
  test.each(users.newLocalpartInvalid)('no account may be called %j', (name) => expect(isValidNewLocalpart(name)).toBe(false))
  test.each(users.compliant)('%j may be shown outside events', (id) => expect(isCompliantUserId(id)).toBe(true))
  test.each(users.nonCompliant)('%j may not be shown outside events', (id) => expect(isCompliantUserId(id)).toBe(false))

  test('have at most 255 bytes, not characters (P8)', () => {
    expect(isUserId(`@${'a'.repeat(251)}:ab`)).toBe(true)
    expect(isUserId(`@${'a'.repeat(252)}:ab`)).toBe(false)
    expect(isUserId(`@${'é'.repeat(126)}:ab`)).toBe(false)
    expect(isUserId(`@${'é'.repeat(125)}:ab`)).toBe(true)
  })
})

describe('room IDs (appendices#room-ids)', () => {
  test.each(rooms.valid)('%j is one', (id, opaqueId, serverName) => {
    expect(parseRoomId(id)).toEqual({ opaqueId, serverName: serverName ?? undefined })
  })
  test.each(rooms.invalid)('%j is none', (id) => expect(isRoomId(id)).toBe(false))

  test('have a domain before version 12 and none from then on', () => {
    for (const version of ROOM_VERSIONS) {
      const rules = findRoomVersionRules(version)
      for (const [id, , serverName] of rules === undefined ? [] : rooms.valid) {
        expect(rules && isRoomIdOfVersion(id, rules)).toBe((serverName === null) === (version === '12'))
      }
    }
  })
})

describe('room aliases (appendices#room-aliases)', () => {
  test.each(aliases.valid)('%j is one', (id, localpart, serverName) => {
    expect(parseRoomAlias(id)).toEqual({ localpart, serverName })
  })
  test.each(aliases.invalid)('%j is none', (id) => expect(isRoomAlias(id)).toBe(false))
})

describe('event IDs (appendices#event-ids)', () => {
  test.each(events.none)('%j is none in any version', (id) => expect(isEventId(id)).toBe(false))

  test.each(ROOM_VERSIONS)('have the form of room version %s', (version) => {
    const rules = findRoomVersionRules(version)
    if (rules === undefined) throw new Error(version)
    for (const [format, ids] of Object.entries(events)) {
      for (const id of ids) {
        expect(isEventIdOfVersion(id, rules)).toBe(format === rules.eventIdFormat)
        expect(isEventId(id)).toBe(format !== 'none')
      }
    }
  })
})

test('parsing identifiers never throws, and what parses is put together again', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.stringMatching(/^[@!#$][a-z:.[\]0-9]{0,20}$/)), (id) => {
      for (const parse of [parseUserId, parseRoomAlias]) {
        const parts = parse(id)
        if (parts !== undefined) expect(`${id.charAt(0)}${parts.localpart}:${parts.serverName}`).toBe(id)
      }
      expect(typeof isRoomId(id)).toBe('boolean')
      expect(typeof isServerName(id)).toBe('boolean')
    }),
  )
})
