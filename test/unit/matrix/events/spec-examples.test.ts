import { describe, expect, test } from 'vitest'
import { decodeBase64 } from '../../../../src/matrix/base64.ts'
import { sealPdu } from '../../../../src/matrix/events/create-event.ts'
import { computeEventId } from '../../../../src/matrix/events/event-hashes.ts'
import { checkEventSignatures, type KeyLookup } from '../../../../src/matrix/events/event-signatures.ts'
import { parsePdu } from '../../../../src/matrix/events/parse-pdu.ts'
import { redactPdu } from '../../../../src/matrix/events/redaction.ts'
import type { JsonObject } from '../../../../src/matrix/json.ts'
import type { RoomVersionRules } from '../../../../src/matrix/room-versions/rules.ts'
import { createSigner, publicKeyOfSeed } from '../../../../src/matrix/signing.ts'
import { rulesOf } from '../../../support/room-builder.ts'
import { readVectors } from '../vectors.ts'

/* The event examples of the specification (scripts/vectors/spec-events.py), with what Synapse makes of them. */

interface SpecExamples {
  readonly seed: string
  readonly serverName: string
  readonly keyId: string
  readonly events: readonly { readonly name: string; readonly event: JsonObject; readonly expected: readonly Expected[] }[]
  readonly pdus: readonly { readonly name: string; readonly versions: readonly string[]; readonly pdu: JsonObject }[]
}

interface Expected {
  readonly version: string
  readonly eventId: string
  readonly hash: string
  readonly signature: string
  readonly redactedContent: JsonObject
}

const { seed, serverName, keyId, events, pdus } = readVectors<SpecExamples>('event-ids/spec-examples.json')
const seedBytes = decodeBase64(seed) ?? new Uint8Array()
const signer = createSigner(serverName, keyId, seedBytes)
const findKey: KeyLookup = () => ({ publicKey: publicKeyOfSeed(seedBytes), validUntilTs: Number.MAX_SAFE_INTEGER })

/** The PDU before it is sealed, as the script completes it. */
function complete(base: JsonObject, rules: RoomVersionRules): JsonObject {
  const isCreate = base.type === 'm.room.create'
  const ids = rules.eventReferences === 'pairs' ? [['$one:domain', { sha256: 'aGFzaA' }]] : [`$${'A'.repeat(43)}`]
  const references = isCreate ? [] : ids
  return {
    ...base,
    sender: '@example:domain',
    depth: 7,
    prev_events: references,
    auth_events: references,
    ...(rules.eventIdFormat === 'origin' ? { event_id: '$chosen:domain' } : {}),
    ...(rules.roomIdIsCreateHash && isCreate ? {} : { room_id: rules.roomIdIsCreateHash ? `!${'C'.repeat(43)}` : '!room:domain' }),
  }
}

test('there are examples of every kind of room event', () => {
  expect(events.length).toBeGreaterThanOrEqual(50)
})

describe.each(events)('the example $name', ({ event, expected }) => {
  test.each(expected)('has the same hash, ID, signature and redacted form in version $version', (wanted) => {
    const rules = rulesOf(wanted.version)
    const { pdu } = sealPdu(complete(event, rules), rules, signer)
    expect(pdu).toMatchObject({ hashes: { sha256: wanted.hash }, signatures: { [serverName]: { [keyId]: wanted.signature } } })
    expect(computeEventId(pdu, rules)).toBe(wanted.eventId)
    expect(redactPdu(pdu, rules).content).toEqual(wanted.redactedContent)
    const parsed = parsePdu(pdu, rules)
    if (!parsed.ok) throw new Error(parsed.reason)
    expect(parsed.contentHashMatches).toBe(true)
    expect(checkEventSignatures(parsed, rules, findKey)).toEqual({ kind: 'valid' })
  })
})

describe.each(pdus)('the example $name', ({ pdu, versions }) => {
  test.each(versions)('has the format of version %s, and hash and signature that are none', (version) => {
    const rules = rulesOf(version)
    const parsed = parsePdu(pdu, rules)
    expect(parsed).toMatchObject({ ok: true, contentHashMatches: false, event: { sender: '@alice:example.com', depth: 12 } })
    expect(parsed.ok && checkEventSignatures(parsed, rules, findKey).kind).toBe('invalid')
  })
})
