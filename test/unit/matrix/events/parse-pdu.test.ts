import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { encodeBase64 } from '../../../../src/matrix/base64.ts'
import { canonicalJson } from '../../../../src/matrix/canonical-json.ts'
import { sha256 } from '../../../../src/matrix/crypto.ts'
import { createEvent, type EventDraft } from '../../../../src/matrix/events/create-event.ts'
import { parsePdu } from '../../../../src/matrix/events/parse-pdu.ts'
import { redactEvent, redactPdu } from '../../../../src/matrix/events/redaction.ts'
import type { RoomEvent } from '../../../../src/matrix/events/room-event.ts'
import type { JsonObject, JsonValue } from '../../../../src/matrix/json.ts'
import { findRoomVersionRules, ROOM_VERSIONS, type RoomVersionRules } from '../../../../src/matrix/room-versions/rules.ts'
import { createSigner, publicKeyOfSeed, signedPayload, verifyJsonSignature } from '../../../../src/matrix/signing.ts'
import { propertyRuns } from '../../../support/property-runs.ts'
import { jsonObject, jsonValue } from '../arbitraries.ts'

const seed = new Uint8Array(32).fill(9)
const signer = createSigner('one.test', 'ed25519:1', seed)

function rulesOf(version: string): RoomVersionRules {
  const rules = findRoomVersionRules(version)
  if (rules === undefined) throw new Error(`unknown version ${version}`)
  return rules
}

/** A draft that is valid in the room version. */
function draftFor(rules: RoomVersionRules, changes: Partial<EventDraft> = {}): EventDraft {
  const id = rules.eventIdFormat === 'origin' ? '$prev:one.test' : `$${'A'.repeat(43)}`
  return {
    roomId: rules.roomIdIsCreateHash ? `!${'B'.repeat(43)}` : '!room:one.test',
    eventId: rules.eventIdFormat === 'origin' ? '$own:one.test' : undefined,
    type: 'm.room.message',
    sender: '@alice:one.test',
    content: { body: 'hello', msgtype: 'm.text' },
    originServerTs: 1_700_000_000_000,
    depth: 5,
    prevEvents: [id],
    authEvents: [id],
    referenceHashes: new Map([[id, 'aGFzaA']]),
    ...changes,
  }
}

const makeEvent = (rules: RoomVersionRules, changes: Partial<EventDraft> = {}): RoomEvent =>
  createEvent(draftFor(rules, changes), rules, signer)

const reasonFor = (pdu: JsonObject, rules: RoomVersionRules, roomId?: string): string => {
  const parsed = parsePdu(pdu, rules, roomId)
  return parsed.ok ? 'ok' : parsed.reason
}

describe.each(ROOM_VERSIONS)('PDUs of room version %s', (version) => {
  const rules = rulesOf(version)
  const event = makeEvent(rules)

  test('are read back as they were created, with a matching hash and a valid signature', () => {
    const parsed = parsePdu(JSON.parse(JSON.stringify(event.pdu)), rules, event.roomId)
    expect(parsed).toMatchObject({ ok: true, contentHashMatches: true, event })
    expect(verifyJsonSignature(redactPdu(event.pdu, rules), 'one.test', 'ed25519:1', publicKeyOfSeed(seed))).toBe(true)
    expect(parsed.ok && parsed.signedPayload).toBe(signedPayload(redactPdu(event.pdu, rules)))
  })

  test('lose unsigned data, which anybody may have added', () => {
    const parsed = parsePdu({ ...event.pdu, unsigned: { age: 1, redacted_because: {} } }, rules)
    expect(parsed.ok && 'unsigned' in parsed.event.pdu).toBe(false)
  })

  test('keep their ID but not their hash when content was altered, and redact to what was signed (E3)', () => {
    const parsed = parsePdu({ ...event.pdu, content: { body: 'altered' } }, rules)
    if (!parsed.ok) throw new Error(parsed.reason)
    expect(parsed.contentHashMatches).toBe(false)
    expect(parsed.event.eventId).toBe(event.eventId)
    const redacted = redactEvent(parsed.event, rules)
    expect(redacted).toMatchObject({ eventId: event.eventId, content: {}, type: event.type })
    expect(verifyJsonSignature(redacted.pdu, 'one.test', 'ed25519:1', publicKeyOfSeed(seed))).toBe(true)
  })

  test.each<[string, JsonObject]>([
    ['no type', { type: undefined as never }],
    ['a type of 256 bytes', { type: 'é'.repeat(128) }],
    ['no sender', { sender: undefined as never }],
    ['a sender without a domain', { sender: '@alice' }],
    ['a sender of 256 bytes', { sender: `@${'a'.repeat(246)}:one.test` }],
    ['a state key that is no string', { state_key: 1 }],
    ['a state key of 256 bytes', { state_key: '日'.repeat(86) }],
    ['a null state key', { state_key: null }],
    ['content that is a list', { content: [] }],
    ['no content', { content: undefined as never }],
    ['a timestamp that is a string', { origin_server_ts: '1' }],
    ['a negative depth (E15)', { depth: -1 }],
    ['a fractional depth (E15)', { depth: 1.5 }],
    ['a huge depth (E15)', { depth: 2 ** 63 }],
    ['a depth that is a string', { depth: '1' }],
    ['no hashes (E4)', { hashes: undefined as never }],
    ['hashes without SHA-256 (E4)', { hashes: { md5: 'AAAA' } }],
    ['a hash that is not Base64 (E4)', { hashes: { sha256: '!' } }],
    ['no signatures', { signatures: undefined as never }],
    ['signatures of the wrong shape', { signatures: { 'one.test': 'x' } }],
    ['signatures that are no strings', { signatures: { 'one.test': { 'ed25519:1': {} } } }],
    ['no room ID', { room_id: undefined as never }],
    ['a room ID of the wrong sigil', { room_id: '#room:one.test' }],
    ['no prev events at all (E6)', { prev_events: [] }],
    ['21 prev events (E6)', { prev_events: Array(21).fill((event.pdu.prev_events as JsonValue[])[0]) }],
    ['11 auth events (E5)', { auth_events: Array(11).fill((event.pdu.auth_events as JsonValue[])[0]) }],
    ['prev events that are no list', { prev_events: {} }],
    ['prev events of the other format', { prev_events: rules.eventReferences === 'ids' ? [['$a:b', {}]] : ['$a:b'] }],
    ['a lone surrogate', { content: { body: '\ud800' } }],
    ['content nested too deeply', { content: JSON.parse(`${'{"a":'.repeat(1000)}1${'}'.repeat(1000)}`) }],
  ])('are dropped with %s', (_what, change) => {
    expect(reasonFor({ ...event.pdu, ...change }, rules)).not.toBe('ok')
  })

  test('are dropped if they belong to another room than they should', () => {
    expect(reasonFor(event.pdu, rules, '!other:one.test')).toMatch(/another room/)
  })

  test('are accepted up to 65,536 canonical bytes with signatures, and dropped above (P8)', () => {
    const overhead = Buffer.byteLength(JSON.stringify(makeEvent(rules, { content: { body: '' } }).pdu))
    const fitting = 65_536 - overhead
    const largest = makeEvent(rules, { content: { body: 'x'.repeat(fitting) } })
    expect(Buffer.byteLength(JSON.stringify(largest.pdu))).toBe(65_536)
    expect(reasonFor(largest.pdu, rules)).toBe('ok')
    expect(reasonFor({ ...largest.pdu, unsigned: { age: 1 } }, rules)).toBe('ok')
    expect(() => makeEvent(rules, { content: { body: 'x'.repeat(fitting + 1) } })).toThrowError(
      expect.objectContaining({ status: 413, errcode: 'M_TOO_LARGE' }),
    )
    expect(reasonFor({ ...largest.pdu, content: { body: 'x'.repeat(fitting + 1) } }, rules)).toMatch(/65537 bytes/)
  })

  test.each([
    ['type', { type: 'x'.repeat(256) }],
    ['state key', { stateKey: '日'.repeat(86) }],
    ['sender', { sender: `@${'a'.repeat(250)}:one.test` }],
    ['room ID', { roomId: `!${'a'.repeat(250)}:one.test` }],
  ])('are not created with a %s of more than 255 bytes (P8)', (_what, change) => {
    expect(() => makeEvent(rules, change)).toThrowError(expect.objectContaining({ errcode: 'M_TOO_LARGE' }))
  })

  test('have a content hash that covers everything but signatures, unsigned data and hashes (E4)', () => {
    const { signatures, hashes, ...covered } = event.pdu
    const hashOf = (object: JsonObject): JsonObject => ({ sha256: encodeBase64(sha256(canonicalJson(object))) })
    const fits = (changes: JsonObject): unknown => {
      const parsed = parsePdu({ ...event.pdu, ...changes }, rules)
      return parsed.ok && parsed.contentHashMatches
    }
    expect(hashes).toEqual(hashOf(covered))
    expect(fits({ hashes: { ...hashOf(covered), md5: 'AAAA' }, signatures: {}, unsigned: { age: 1 } })).toBe(true)
    expect(fits({ hashes: hashOf({ ...covered, signatures: signatures ?? {} }) })).toBe(false)
    expect(fits({ hashes: hashOf({ ...covered, unsigned: {} }) })).toBe(false)
    expect(fits({ hashes: hashOf({ ...covered, hashes: hashes ?? {} }) })).toBe(false)
    expect(fits({ hashes: hashOf(redactPdu(covered, rules)) })).toBe(false)
  })

  test('are sent on at the greatest depth in a room that has reached it (E15)', () => {
    const beyond = makeEvent(rules, { depth: Number.MAX_SAFE_INTEGER + 1 })
    expect(beyond.depth).toBe(Number.MAX_SAFE_INTEGER)
    expect(parsePdu(beyond.pdu, rules)).toMatchObject({ ok: true, event: { depth: Number.MAX_SAFE_INTEGER } })
  })

  test('refer to each previous event once, and may not refer to themselves (E6, S4)', () => {
    const [prev = null] = event.pdu.prev_events as JsonValue[]
    const parsed = parsePdu({ ...event.pdu, prev_events: [prev, prev] }, rules)
    expect(parsed.ok && parsed.event.prevEvents).toHaveLength(1)
    if (rules.eventIdFormat === 'origin') expect(reasonFor({ ...event.pdu, prev_events: [['$own:one.test', {}]] }, rules)).toMatch(/itself/)
  })

  test('have no ID but the computed one in versions 3 and later (E1)', () => {
    if (rules.eventIdFormat === 'origin') {
      expect(reasonFor({ ...event.pdu, event_id: undefined as never }, rules)).toMatch(/event_id/)
      expect(reasonFor({ ...event.pdu, event_id: '$nodomain' }, rules)).toMatch(/event_id/)
    } else {
      const parsed = parsePdu({ ...event.pdu, event_id: '$chosen:evil.test' }, rules)
      expect(parsed.ok && parsed.event.eventId).toMatch(/^\$[A-Za-z0-9_+/-]{43}$/)
    }
  })

  test('keep the target of a redaction where the version has it', () => {
    const redaction = makeEvent(rules, { type: 'm.room.redaction', redacts: '$target:one.test', content: { reason: 'spam' } })
    const { content } = redaction.pdu as { content: JsonObject }
    expect(rules.redactsInContent ? content.redacts : redaction.pdu.redacts).toBe('$target:one.test')
    expect(rules.redactsInContent ? redaction.pdu.redacts : content.redacts).toBeUndefined()
    expect(parsePdu(redaction.pdu, rules)).toMatchObject({ ok: true, event: { redacts: '$target:one.test' } })
    expect(redactEvent(redaction, rules).redacts).toBe(rules.modernRedaction ? '$target:one.test' : undefined)
    const other = parsePdu({ ...redaction.pdu, type: 'm.room.message' }, rules)
    expect(other.ok && other.event.redacts).toBeUndefined()
  })

  test('have integers only from version 6 on (P5)', () => {
    const create = (content: JsonObject): unknown => makeEvent(rules, { content })
    if (rules.strictCanonicalJson) {
      expect(() => create({ a: 1.5 })).toThrowError(expect.objectContaining({ errcode: 'M_BAD_JSON' }))
      expect(reasonFor({ ...event.pdu, content: { a: 1.5 } }, rules)).toMatch(/integers/)
      expect(reasonFor({ ...event.pdu, depth: 2 ** 53 }, rules)).toMatch(/depth/)
    } else {
      const float = makeEvent(rules, { content: { a: 1.5 } })
      expect(parsePdu(float.pdu, rules)).toMatchObject({ ok: true, contentHashMatches: true })
      expect(reasonFor({ ...event.pdu, depth: 2 ** 53 }, rules)).toBe('ok')
    }
  })

  test('with any content survive creation, storage as text and parsing', () => {
    fc.assert(
      fc.property(jsonObject(), (content) => {
        const created = makeEvent(rules, { content })
        const parsed = parsePdu(JSON.parse(JSON.stringify(created.pdu)), rules)
        expect(parsed).toMatchObject({ ok: true, contentHashMatches: true, event: { eventId: created.eventId } })
      }),
      { numRuns: propertyRuns(30, ROOM_VERSIONS.length) },
    )
  })

  test('of any shape give an answer, never an exception', () => {
    const keys = Object.keys({ ...event.pdu, state_key: '', redacts: '', event_id: '', unsigned: {} })
    fc.assert(
      fc.property(fc.dictionary(fc.constantFrom(...keys), jsonValue), (changes) => {
        expect(parsePdu({ ...event.pdu, ...changes }, rules)).toHaveProperty('ok')
      }),
      { numRuns: propertyRuns(50, ROOM_VERSIONS.length) },
    )
  })

  test('redact to a form that redacts to itself and keeps the ID', () => {
    const types = ['m.room.member', 'm.room.create', 'm.room.join_rules', 'm.room.power_levels', 'm.room.aliases', 'm.room.redaction', 'x']
    const keys = ['membership', 'third_party_invite', 'join_rule', 'allow', 'users', 'invite', 'creator', 'aliases', 'redacts', 'other']
    fc.assert(
      fc.property(fc.constantFrom(...types), fc.dictionary(fc.constantFrom(...keys), jsonValue), (type, content) => {
        const pdu = { ...event.pdu, type, content }
        const once = redactPdu(pdu, rules)
        expect(redactPdu(once, rules)).toEqual(once)
        expect(Object.keys(once.content as object).every((key) => key in content)).toBe(true)
      }),
      { numRuns: propertyRuns(50, ROOM_VERSIONS.length) },
    )
  })
})

describe('create events of room version 12', () => {
  const rules = rulesOf('12')
  const create = makeEvent(rules, {
    roomId: undefined,
    type: 'm.room.create',
    stateKey: '',
    content: { room_version: '12' },
    prevEvents: [],
    authEvents: [],
  })

  test('name their room by their own hash', () => {
    expect(create.roomId).toBe(`!${create.eventId.slice(1)}`)
    expect(create.pdu).not.toHaveProperty('room_id')
    expect(parsePdu(create.pdu, rules, create.roomId)).toMatchObject({ ok: true, event: create })
  })

  test('must not have a room ID, not even the right one (E19)', () => {
    expect(reasonFor({ ...create.pdu, room_id: create.roomId }, rules)).toMatch(/no room_id/)
    expect(() => makeEvent(rules, { type: 'm.room.create', stateKey: '' })).toThrow()
    expect(() => makeEvent(rules, { roomId: undefined })).toThrow()
  })

  test('found another room when anything in them changes', () => {
    const parsed = parsePdu({ ...create.pdu, origin_server_ts: 1 }, rules)
    expect(parsed.ok && parsed.event.roomId).not.toBe(create.roomId)
  })
})
