import { describe, expect, it } from 'vitest'
import { FetchBudget } from '../../../../src/federation/outbound/keys/fetch-budget.ts'
import { checkKeyResponse } from '../../../../src/federation/outbound/keys/key-response.ts'
import { KEY_FETCH_BURST } from '../../../../src/federation/outbound/limits.ts'
import { encodeBase64 } from '../../../../src/matrix/base64.ts'
import { createSigner, publicKeyOfSeed } from '../../../../src/matrix/signing.ts'
import { HostileServer } from '../../../support/hostile-server.ts'

const NOW = 1_700_000_000_000
const DAY_MS = 86_400_000
const peer = new HostileServer('peer.example', 1, () => NOW)
const check = (document: Parameters<typeof checkKeyResponse>[0]) => checkKeyResponse(document, 'peer.example', '', NOW)
const key = (bytes: number) => ({ key: encodeBase64(new Uint8Array(bytes).fill(4)) })

describe('a server’s word about its keys (F5)', () => {
  it('is believed when it is signed by them', () => {
    expect(check(peer.keyDocument())).toMatchObject({
      ok: true,
      validUntilTs: NOW + DAY_MS,
      keys: [{ keyId: 'ed25519:a_hostile', publicKey: encodeBase64(peer.publicKey), validUntilTs: NOW + DAY_MS, retired: false }],
    })
  })

  it('may give a key a long name, such as the key itself', () => {
    const keyId = `ed25519:name_${'ab'.repeat(32)}`
    const signer = createSigner('peer.example', keyId, new Uint8Array(32).fill(7))
    const verifyKeys = { [keyId]: { key: encodeBase64(publicKeyOfSeed(new Uint8Array(32).fill(7))) } }
    expect(check(peer.keyDocument({ signer, verifyKeys }))).toMatchObject({ ok: true, keys: [{ keyId }] })
  })

  it.each([
    ['unsigned', peer.keyDocument({ signer: null })],
    [
      'signed by somebody else',
      peer.keyDocument({ signer: createSigner('evil.example', 'ed25519:a_hostile', new Uint8Array(32).fill(2)) }),
    ],
    [
      'signed under its key’s ID by another key',
      peer.keyDocument({ signer: createSigner('peer.example', 'ed25519:a_hostile', new Uint8Array(32).fill(2)) }),
    ],
    ['signed by a key that it does not list', peer.keyDocument({ verifyKeys: { 'ed25519:other': key(32) } })],
    ['about another server', peer.keyDocument({ serverName: 'other.example' })],
    ['without a time', peer.keyDocument({ extra: { valid_until_ts: 'soon' } })],
    ['with a negative time', peer.keyDocument({ validUntilTs: -1 })],
    ['with a key of 31 bytes', peer.keyDocument({ verifyKeys: { 'ed25519:a_hostile': key(31) } })],
    ['with a key of 33 bytes', peer.keyDocument({ verifyKeys: { 'ed25519:a_hostile': key(33) } })],
    ['with no keys', peer.keyDocument({ verifyKeys: {} })],
    ['with keys that are none', peer.keyDocument({ extra: { verify_keys: [] } })],
    [
      'with a thousand keys',
      peer.keyDocument({ verifyKeys: Object.fromEntries(Array.from({ length: 1000 }, (_, n) => [`ed25519:k${n}`, key(32)])) }),
    ],
  ])('is not when it is %s', (_, document) => {
    expect(check(document).ok).toBe(false)
  })

  it('is not when it was altered afterwards', () => {
    const document = peer.keyDocument()
    expect(check({ ...document, valid_until_ts: NOW + 2 * DAY_MS }).ok).toBe(false)
    expect(check({ ...document, verify_keys: { ...(document.verify_keys as object), 'ed25519:more': key(32) } }).ok).toBe(false)
  })

  it.each([
    [NOW + 8 * DAY_MS, NOW + 7 * DAY_MS],
    [253_402_300_799_000, NOW + 7 * DAY_MS],
    [Number.MAX_SAFE_INTEGER, NOW + 7 * DAY_MS],
    [NOW - DAY_MS, NOW - DAY_MS],
  ])('valid until %i counts until %i', (stated, counted) => {
    expect(check(peer.keyDocument({ validUntilTs: stated }))).toMatchObject({ ok: true, keys: [{ validUntilTs: counted }] })
  })

  it('may name old keys, which end when it says and not later than now', () => {
    const old = {
      'ed25519:old': { ...key(32), expired_ts: NOW - DAY_MS },
      'ed25519:future': { ...key(32), expired_ts: NOW + DAY_MS },
      'ed25519:forever': key(32),
    }
    const verdict = check(peer.keyDocument({ oldVerifyKeys: old }))
    expect(verdict.ok && verdict.keys.filter(({ retired }) => retired).map(({ keyId, validUntilTs }) => [keyId, validUntilTs])).toEqual([
      ['ed25519:old', NOW - DAY_MS],
      ['ed25519:future', NOW],
    ])
  })

  it('cannot retire and keep a key at once, nor slip in one of another algorithm', () => {
    const document = peer.keyDocument({
      verifyKeys: { 'ed25519:a_hostile': { key: encodeBase64(peer.publicKey) }, 'curve25519:x': key(32), __proto__x: key(32) },
      oldVerifyKeys: { 'ed25519:a_hostile': { ...key(32), expired_ts: 5 } },
    })
    const verdict = check(document)
    expect(verdict.ok && verdict.keys.map(({ keyId, retired }) => [keyId, retired])).toEqual([['ed25519:a_hostile', false]])
  })
})

describe('the budget of key requests (F19)', () => {
  it('bounds all servers together', () => {
    const clock = { now: NOW }
    const budget = new FetchBudget(() => clock.now)
    const taken = () => Array.from({ length: 10_000 }, (_, n) => budget.take(`s${n}.example`, 'request')).filter(Boolean).length
    expect(taken()).toBe(KEY_FETCH_BURST)
    clock.now += 1_000
    expect(taken()).toBe(10)
    // What unsigned requests have used up is not missing where a room is joined.
    expect(Array.from({ length: 5_000 }, (_, n) => budget.take(`room${n}.example`, 'event')).every(Boolean)).toBe(true)
  })

  it('asks a server that failed less and less often, and one that answered once a minute', () => {
    const clock = { now: NOW }
    const budget = new FetchBudget(() => clock.now)
    for (const minutes of [1, 2, 4, 8, 16, 32, 60, 60]) {
      expect(budget.take('a.example', 'request')).toBe(true)
      budget.note('a.example', false)
      clock.now += minutes * 60_000 - 1
      expect(budget.take('a.example', 'request')).toBe(false)
      clock.now += 1
    }
    expect(budget.take('a.example', 'request')).toBe(true)
    budget.note('a.example', true)
    expect(budget.take('a.example', 'request')).toBe(false)
    expect(budget.take('b.example', 'request')).toBe(true)
    clock.now += 60_000
    expect(budget.take('a.example', 'request')).toBe(true)
  })
})
