import { describe, expect, test } from 'vitest'
import { decodeBase64 } from '../../../../src/matrix/base64.ts'
import { ed25519Verify } from '../../../../src/matrix/crypto.ts'
import { sealPdu } from '../../../../src/matrix/events/create-event.ts'
import { computeEventId, contentHash, referenceHash } from '../../../../src/matrix/events/event-hashes.ts'
import { parsePdu } from '../../../../src/matrix/events/parse-pdu.ts'
import { redactPdu } from '../../../../src/matrix/events/redaction.ts'
import type { JsonObject } from '../../../../src/matrix/json.ts'
import { findRoomVersionRules, ROOM_VERSIONS, type RoomVersionRules } from '../../../../src/matrix/room-versions/rules.ts'
import { createSigner, publicKeyOfSeed, signatureOf } from '../../../../src/matrix/signing.ts'
import { readVectors } from '../vectors.ts'

interface SynapseCase {
  readonly roomVersion: string
  readonly draft: JsonObject
  readonly pdu: JsonObject
  readonly eventId: string
  readonly roomId: string
  readonly referenceHash: string
  readonly redacted: JsonObject
}
interface SynapseVectors {
  readonly seed: string
  readonly serverName: string
  readonly keyId: string
  readonly cases: readonly SynapseCase[]
}
interface SigningVectors {
  readonly events: readonly { readonly input: JsonObject; readonly signed: JsonObject }[]
}

const { seed, serverName, keyId, cases } = readVectors<SynapseVectors>('event-ids/synapse.json')
const seedBytes = decodeBase64(seed) ?? new Uint8Array()
const signer = createSigner(serverName, keyId, seedBytes)
const publicKey = publicKeyOfSeed(seedBytes)

function rulesOf(version: string): RoomVersionRules {
  const rules = findRoomVersionRules(version)
  if (rules === undefined) throw new Error(`unknown version ${version}`)
  return rules
}

describe('event signing of the specification (appendices#event-signing)', () => {
  test.each(readVectors<SigningVectors>('signing/specification.json').events)('hashes and signs example %#', ({ input, signed }) => {
    const sealed = sealPdu(input, rulesOf('1'), signer)
    expect(sealed.pdu).toEqual(signed)
  })
})

describe.each(ROOM_VERSIONS)('events that Synapse made in room version %s', (version) => {
  const rules = rulesOf(version)
  const ofVersion = cases.filter((entry) => entry.roomVersion === version)

  test('are there', () => {
    expect(ofVersion.length).toBeGreaterThan(10)
  })

  test.each(ofVersion)('have our hash and signature: $draft.type $draft.state_key', ({ draft, pdu }) => {
    expect(sealPdu(draft, rules, signer).pdu).toMatchObject({ hashes: { sha256: contentHash(pdu, rules) }, signatures: pdu.signatures })
    const { sha256 } = pdu.hashes as JsonObject
    expect(contentHash(pdu, rules)).toBe(sha256)
  })

  test.each(ofVersion)('have our reference hash and event ID: $draft.type $draft.state_key', ({ pdu, eventId, referenceHash: hex }) => {
    expect(Buffer.from(referenceHash(pdu, rules)).toString('hex')).toBe(hex)
    expect(computeEventId(pdu, rules)).toBe(eventId)
  })

  test.each(ofVersion)('are redacted as we redact, once or twice: $draft.type $draft.state_key', ({ pdu, redacted, eventId }) => {
    expect(redactPdu(pdu, rules)).toEqual(redacted)
    expect(redactPdu(redacted, rules)).toEqual(redacted)
    expect(computeEventId(redacted, rules)).toBe(eventId)
  })

  test.each(ofVersion)(
    'pass our format check, and verify whole and redacted: $draft.type $draft.state_key',
    ({ pdu, redacted, eventId, roomId }) => {
      for (const [form, whole] of [
        [pdu, true],
        [redacted, false],
      ] as const) {
        const parsed = parsePdu(form, rules, roomId)
        if (!parsed.ok) throw new Error(parsed.reason)
        expect(parsed.event).toMatchObject({ eventId, roomId })
        if (whole) expect(parsed.contentHashMatches).toBe(true)
        expect(ed25519Verify(publicKey, parsed.signedPayload, signatureOf(form, serverName, keyId) ?? new Uint8Array())).toBe(true)
      }
    },
  )
})
