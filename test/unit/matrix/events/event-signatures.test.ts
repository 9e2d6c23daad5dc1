import { describe, expect, test } from 'vitest'
import { encodeBase64 } from '../../../../src/matrix/base64.ts'
import { cosignPdu, createEvent } from '../../../../src/matrix/events/create-event.ts'
import {
  authorisingServer,
  checkEventSignatures,
  checkSignaturesOf,
  type KeyLookup,
  parsePublicKey,
  requiredSigners,
} from '../../../../src/matrix/events/event-signatures.ts'
import { type ParsedPdu, parsePdu } from '../../../../src/matrix/events/parse-pdu.ts'
import type { JsonObject } from '../../../../src/matrix/json.ts'
import { findRoomVersionRules, ROOM_VERSIONS, type RoomVersionRules } from '../../../../src/matrix/room-versions/rules.ts'
import { createSigner, publicKeyOfSeed, signJson, verifyJsonSignature } from '../../../../src/matrix/signing.ts'

const seedOf = (serverName: string): Uint8Array => new Uint8Array(32).fill(serverName.length)
const signerOf = (serverName: string) => createSigner(serverName, 'ed25519:1', seedOf(serverName))
const SENT_AT = 1_700_000_000_000

/** Knows key `ed25519:1` of every server. */
const findKey =
  (validUntilTs = SENT_AT): KeyLookup =>
  (serverName, keyId) =>
    keyId === 'ed25519:1' ? { publicKey: publicKeyOfSeed(seedOf(serverName)), validUntilTs } : undefined

function rulesOf(version: string): RoomVersionRules {
  const rules = findRoomVersionRules(version)
  if (rules === undefined) throw new Error(`unknown version ${version}`)
  return rules
}

function signedBy(serverName: string, rules: RoomVersionRules, content: JsonObject = { membership: 'join' }): ParsedPdu {
  const event = createEvent(
    {
      roomId: rules.roomIdIsCreateHash ? `!${'B'.repeat(43)}` : '!room:one.test',
      eventId: '$own:one.test',
      type: 'm.room.member',
      stateKey: '@alice:one.test',
      sender: '@alice:one.test',
      content,
      originServerTs: SENT_AT,
      depth: 5,
      prevEvents: ['$prev:one.test'],
      authEvents: [],
      referenceHashes: new Map([['$prev:one.test', 'aGFzaA']]),
    },
    rules,
    signerOf(serverName),
  )
  return reparse(event.pdu, rules)
}

function reparse(pdu: JsonObject, rules: RoomVersionRules): ParsedPdu {
  const parsed = parsePdu(pdu, rules)
  if (!parsed.ok) throw new Error(parsed.reason)
  return parsed
}

describe.each(ROOM_VERSIONS)('signatures in room version %s', (version) => {
  const rules = rulesOf(version)

  test('of the sender’s server suffice', () => {
    expect(checkEventSignatures(signedBy('one.test', rules), rules, findKey())).toEqual({ kind: 'valid' })
  })

  test('of another server alone do not (E2)', () => {
    expect(checkEventSignatures(signedBy('third.test', rules), rules, findKey())).toEqual({ kind: 'unsigned', serverName: 'one.test' })
  })

  test('that are wrong drop the event, even beside one that is right (E2)', () => {
    const { event } = signedBy('one.test', rules)
    const forged = reparse({ ...event.pdu, depth: 6 }, rules)
    expect(checkEventSignatures(forged, rules, findKey())).toEqual({ kind: 'invalid', serverName: 'one.test', keyId: 'ed25519:1' })
  })

  test('over the whole event, where the redacted form was to be signed, drop it (E3)', () => {
    const { event } = signedBy('one.test', rules, { membership: 'join', displayname: 'Alice' })
    const whole = signJson({ ...event.pdu, signatures: {} }, signerOf('one.test'))
    expect(verifyJsonSignature(whole, 'one.test', 'ed25519:1', publicKeyOfSeed(seedOf('one.test')))).toBe(true)
    expect(checkEventSignatures(reparse(whole, rules), rules, findKey()).kind).toBe('invalid')
  })

  test('by unknown keys are skipped, and asked for if there is no other (E2)', () => {
    const { event } = signedBy('one.test', rules)
    const both = reparse(cosignPdu(event.pdu, rules, createSigner('one.test', 'ed25519:new', seedOf('x'))), rules)
    expect(checkEventSignatures(both, rules, findKey()).kind).toBe('valid')
    expect(checkEventSignatures(both, rules, () => undefined)).toMatchObject({ kind: 'missing_key', keyIds: ['ed25519:1', 'ed25519:new'] })
  })

  test('count only while their key was valid, from version 5 on (F6)', () => {
    const verdict = checkEventSignatures(signedBy('one.test', rules), rules, findKey(SENT_AT - 1))
    expect(verdict.kind).toBe(rules.enforceKeyValidity ? 'missing_key' : 'valid')
  })

  test('of the sender’s server are not needed on third-party invites, those of the event ID’s server are in versions 1 and 2', () => {
    const invite = signedBy('third.test', rules, { membership: 'invite', third_party_invite: {} })
    expect(requiredSigners(invite.event, rules)).toEqual(rules.eventIdFormat === 'origin' ? ['one.test'] : [])
  })

  test('of the server of an event ID are needed beside the sender’s in versions 1 and 2 (E1)', () => {
    const { event } = signedBy('one.test', rules)
    const other = { ...event, eventId: '$own:two.test:8448' }
    expect(requiredSigners(other, rules)).toEqual(rules.eventIdFormat === 'origin' ? ['one.test', 'two.test:8448'] : ['one.test'])
  })

  test('of a vouching server are named for restricted joins, from version 8 on', () => {
    const content = { membership: 'join', join_authorised_via_users_server: '@bob:two.test' }
    const join = signedBy('one.test', rules, content)
    expect(authorisingServer(join.event, rules)).toBe(rules.restrictedJoins ? 'two.test' : undefined)
    const cosigned = reparse(cosignPdu(join.event.pdu, rules, signerOf('two.test')), rules)
    expect(checkSignaturesOf('two.test', join, rules, findKey()).kind).toBe('unsigned')
    expect(checkSignaturesOf('two.test', cosigned, rules, findKey()).kind).toBe('valid')
    expect(cosigned.event.eventId).toBe(join.event.eventId)
  })
})

test.each([31, 33, 0])('public keys of %i bytes are none (F5)', (length) => {
  expect(parsePublicKey(encodeBase64(new Uint8Array(length)))).toBeUndefined()
  expect(parsePublicKey(encodeBase64(new Uint8Array(32)))).toHaveLength(32)
  expect(parsePublicKey(1)).toBeUndefined()
})
