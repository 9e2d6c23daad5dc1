import { describe, expect, it } from 'vitest'
import { encodeBase64 } from '../../../src/matrix/base64.ts'
import { cosignPdu, createEvent } from '../../../src/matrix/events/create-event.ts'
import { isJsonObject, type JsonObject } from '../../../src/matrix/json.ts'
import { isForPolicyServer, isRecommended, policyServerNamed, withRecommendation } from '../../../src/matrix/policy-server.ts'
import { findRoomVersionRules } from '../../../src/matrix/room-versions/rules.ts'
import { createSigner, mergeSignatures, publicKeyOfSeed } from '../../../src/matrix/signing.ts'

const seed = new Uint8Array(32).fill(3)
const POLICY = 'policy.example'
const KEY = 'ed25519:policy_server'
const policy = { serverName: POLICY, publicKey: publicKeyOfSeed(seed) }
const policySigner = createSigner(POLICY, KEY, seed)
const content = { via: POLICY, public_keys: { ed25519: encodeBase64(policy.publicKey) } }

describe.each(['1', '6', '10', '11', '12'])('policy servers in rooms of version %s', (version) => {
  const rules = findRoomVersionRules(version)
  if (rules === undefined) throw new Error(version)
  const event = (sender: string, serverName: string) =>
    createEvent(
      {
        roomId: '!room:here.example',
        eventId: '$chosen:here.example',
        type: 'm.room.message',
        sender,
        content: { body: 'hello' },
        originServerTs: 1,
        depth: 2,
        prevEvents: [],
        authEvents: [],
      },
      rules,
      createSigner(serverName, 'ed25519:own', new Uint8Array(32).fill(4)),
    ).pdu
  const signaturesOf = (pdu: JsonObject) => (isJsonObject(pdu.signatures) ? pdu.signatures : {})
  const answerTo = (pdu: JsonObject, signer = policySigner): JsonObject => {
    const { [POLICY]: own } = signaturesOf(cosignPdu({ ...pdu, signatures: {} }, rules, signer))
    return { [POLICY]: own ?? {} }
  }

  it('sign events, and their signature counts under their key alone', () => {
    const pdu = event('@alice:here.example', 'here.example')
    expect(isRecommended(pdu, rules, policy)).toBe(false)
    const signed = withRecommendation(pdu, rules, policy, answerTo(pdu))
    expect(signed === undefined ? false : isRecommended(signed, rules, policy)).toBe(true)
    expect(signed).toEqual({ ...pdu, signatures: { ...signaturesOf(pdu), ...answerTo(pdu) } })
    // Content is covered by its hash.
    expect(isRecommended({ ...signed, hashes: { sha256: 'x' } }, rules, policy)).toBe(false)
    expect(isRecommended(signed ?? {}, rules, { ...policy, publicKey: publicKeyOfSeed(new Uint8Array(32).fill(9)) })).toBe(false)
    expect(isRecommended(signed ?? {}, rules, { ...policy, serverName: 'other.example' })).toBe(false)
  })

  it('add to the signatures of the origin where that is the same server, and replace none (v1.19)', () => {
    const pdu = event(`@bot:${POLICY}`, POLICY)
    const own = signaturesOf(pdu)[POLICY]
    const signed = withRecommendation(pdu, rules, policy, {
      [POLICY]: { ...(answerTo(pdu)[POLICY] as JsonObject), 'ed25519:own': 'forged' },
    })
    const wanted = { ...(isJsonObject(own) ? own : {}), ...(answerTo(pdu)[POLICY] as JsonObject) }
    expect(signaturesOf(signed ?? {})).toEqual({ [POLICY]: wanted })
    // One that the event carried already and that is worth nothing gives way.
    const stale = { ...pdu, signatures: { [POLICY]: { ...(isJsonObject(own) ? own : {}), [KEY]: 'AAAA' } } }
    expect(signaturesOf(withRecommendation(stale, rules, policy, answerTo(pdu)) ?? {})).toEqual({ [POLICY]: wanted })
  })

  it('have not signed where their answer has no valid signature of the event', () => {
    const pdu = event('@alice:here.example', 'here.example')
    const other = createSigner(POLICY, KEY, new Uint8Array(32).fill(8))
    const answers: JsonObject[] = [
      {},
      { [POLICY]: 'x' },
      { [POLICY]: {} },
      { [POLICY]: { [KEY]: 'not base64!' } },
      { [POLICY]: { [KEY]: 7 } },
      answerTo(pdu, other),
      answerTo({ ...pdu, depth: 3 }),
      { 'other.example': answerTo(pdu)[POLICY] ?? {} },
      { [POLICY]: { 'ed25519:else': (answerTo(pdu)[POLICY] as JsonObject)[KEY] ?? '' } },
    ]
    for (const answer of answers) expect(withRecommendation(pdu, rules, policy, answer), JSON.stringify(answer)).toBeUndefined()
  })
})

describe('m.room.policy', () => {
  it('names a policy server by its name and its key', () => {
    expect(policyServerNamed(content)).toEqual(policy)
    expect(policyServerNamed({ ...content, public_keys: { ...content.public_keys, other: 'x' } })).toEqual(policy)
  })

  it.each<JsonObject>([
    {},
    { via: POLICY },
    { public_keys: content.public_keys },
    { ...content, via: 7 },
    { ...content, via: 'not a name' },
    { ...content, public_keys: 'x' },
    { ...content, public_keys: {} },
    { ...content, public_keys: { ed25519: 7 } },
    { ...content, public_keys: { ed25519: 'AAAA' } },
    { ...content, public_keys: { ed25519: '!' } },
  ])('names none where it says %j', (wrong) => {
    expect(policyServerNamed(wrong)).toBeUndefined()
  })

  it('is the one event that policy servers do not judge, as state with an empty state key', () => {
    expect(isForPolicyServer({ type: 'm.room.policy', stateKey: '' })).toBe(false)
    expect(isForPolicyServer({ type: 'm.room.policy', stateKey: 'x' })).toBe(true)
    expect(isForPolicyServer({ type: 'm.room.policy', stateKey: undefined })).toBe(true)
    expect(isForPolicyServer({ type: 'm.room.member', stateKey: '' })).toBe(true)
  })
})

describe('merging the signatures of two copies', () => {
  it('keeps all of them, and the first copy where both have one', () => {
    const first = { a: { k1: '1', k2: '2' }, b: { k: '3' } }
    const second = { a: { k2: 'other', k3: '4' }, c: { k: '5' } }
    expect(mergeSignatures(first, second)).toEqual({ a: { k1: '1', k2: '2', k3: '4' }, b: { k: '3' }, c: { k: '5' } })
    expect(mergeSignatures(undefined, 'x')).toEqual({})
  })
})
