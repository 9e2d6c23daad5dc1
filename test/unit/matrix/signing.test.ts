import fc from 'fast-check'
import nacl from 'tweetnacl'
import { describe, expect, test } from 'vitest'
import { decodeBase64, encodeBase64 } from '../../../src/matrix/base64.ts'
import { ed25519Signer, ed25519Verify, sha1, sha256, utf8ByteLength, utf8Bytes } from '../../../src/matrix/crypto.ts'
import type { JsonObject } from '../../../src/matrix/json.ts'
import {
  createSigner,
  publicKeyOfSeed,
  signatureKeyIds,
  signatureOf,
  signedPayload,
  signJson,
  verifyJsonSignature,
} from '../../../src/matrix/signing.ts'
import { propertyRuns } from '../../support/property-runs.ts'
import { jsonObject } from './arbitraries.ts'
import { readVectors } from './vectors.ts'

interface SigningVectors {
  readonly seed: string
  readonly serverName: string
  readonly keyId: string
  readonly json: readonly { readonly input: JsonObject; readonly signed: JsonObject }[]
}

const vectors = readVectors<SigningVectors>('signing/specification.json')
const seed = decodeBase64(vectors.seed) ?? new Uint8Array()
const publicKey = publicKeyOfSeed(seed)
const signer = createSigner(vectors.serverName, vectors.keyId, seed)
const seeds = fc.uint8Array({ minLength: 32, maxLength: 32 })

/** How much slower tweetnacl is than what it is compared with. */
const TWEETNACL_COST = 100

describe('Ed25519', () => {
  test('makes the same keys and signatures as tweetnacl, and each accepts what the other signed', () => {
    fc.assert(
      fc.property(seeds, fc.uint8Array({ maxLength: 200 }), (bytes, message) => {
        const oracle = nacl.sign.keyPair.fromSeed(bytes)
        const ours = ed25519Signer(bytes)
        expect(ours.publicKey).toEqual(oracle.publicKey)
        const signature = Uint8Array.from(ours.sign(message))
        expect(signature).toEqual(nacl.sign.detached(message, oracle.secretKey))
        expect(ed25519Verify(oracle.publicKey, message, signature)).toBe(true)
      }),
      { numRuns: propertyRuns(15, TWEETNACL_COST) },
    )
  })

  test('refuses any message, signature or key with one bit changed', () => {
    const message = utf8Bytes('{"a":"message"}')
    const signature = ed25519Signer(seed).sign(message)
    for (const [index, bytes] of [publicKey, message, signature].entries()) {
      for (let bit = 0; bit < bytes.length * 8; bit++) {
        const parts = [Uint8Array.from(publicKey), Uint8Array.from(message), Uint8Array.from(signature)]
        flip(parts[index], bit)
        const [key = publicKey, text = message, changed = signature] = parts
        expect(ed25519Verify(key, text, changed)).toBe(false)
      }
    }
  })

  test.each([0, 31, 33, 64])('answers false for a key of %i bytes', (length) => {
    expect(ed25519Verify(new Uint8Array(length), 'message', new Uint8Array(64))).toBe(false)
  })

  test('answers false for signatures of another length and keys off the curve', () => {
    expect(ed25519Verify(publicKey, 'message', new Uint8Array(63))).toBe(false)
    expect(ed25519Verify(new Uint8Array(32).fill(0xff), 'message', new Uint8Array(64))).toBe(false)
  })

  test('refuses seeds of another length', () => {
    expect(() => ed25519Signer(new Uint8Array(31))).toThrow(RangeError)
  })
})

describe('hashes and UTF-8', () => {
  test('hash text as its UTF-8 bytes', () => {
    expect(encodeBase64(sha256('é😀'))).toBe(encodeBase64(sha256(utf8Bytes('é😀'))))
    expect(Buffer.from(sha256('')).toString('hex')).toBe('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855')
    expect(Buffer.from(sha1('abc')).toString('hex')).toBe('a9993e364706816aba3e25717850c26c9cd0d89d')
  })

  test('measure text in bytes', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => utf8ByteLength(text) === utf8Bytes(text).length))
  })
})

describe('signing JSON (appendices#signing-json)', () => {
  test.each(vectors.json)('gives the signature of the specification for $input', ({ input, signed }) => {
    expect(signJson(input, signer)).toEqual(signed)
    expect(verifyJsonSignature(signed, vectors.serverName, vectors.keyId, publicKey)).toBe(true)
  })

  test('round-trips for any object, whatever unsigned and other signatures say', () => {
    fc.assert(
      fc.property(jsonObject(), jsonObject(), (object, unsigned) => {
        const signed = signJson(object, signer)
        expect(verifyJsonSignature({ ...signed, unsigned }, 'domain', 'ed25519:1', publicKey)).toBe(true)
        const cosigned = signJson(signed, createSigner('__proto__', 'ed25519:x', seed))
        expect(verifyJsonSignature(cosigned, 'domain', 'ed25519:1', publicKey)).toBe(true)
        expect(verifyJsonSignature(cosigned, '__proto__', 'ed25519:x', publicKey)).toBe(true)
      }),
      { numRuns: propertyRuns(100) },
    )
  })

  test('refuses an object with any signed key added, changed or removed', () => {
    const signed = signJson({ a: 1, b: 'two' }, signer)
    const { b: _b, ...without } = signed
    for (const changed of [{ ...signed, a: 2 }, { ...signed, c: null }, without]) {
      expect(verifyJsonSignature(changed, 'domain', 'ed25519:1', publicKey)).toBe(false)
    }
  })

  test.each<[string, JsonObject]>([
    ['no signatures', { a: 1 }],
    ['signatures of the wrong type', { a: 1, signatures: 'x' }],
    ['an entry of the wrong type', { a: 1, signatures: { domain: [] } }],
    ['a signature of the wrong type', { a: 1, signatures: { domain: { 'ed25519:1': 1 } } }],
    ['a signature that is not Base64', { a: 1, signatures: { domain: { 'ed25519:1': '!' } } }],
    ['a short signature', { a: 1, signatures: { domain: { 'ed25519:1': 'AAAA' } } }],
    ['no canonical form', { a: 1.5, signatures: { domain: { 'ed25519:1': 'A'.repeat(86) } } }],
  ])('answers false for %s', (_what, object) => {
    expect(verifyJsonSignature(object, 'domain', 'ed25519:1', publicKey)).toBe(false)
  })

  test('ignores algorithms other than ed25519 and names on the prototype', () => {
    const object = { signatures: { domain: { 'rsa:1': 'AAAA', 'ed25519:1': 'AAAA' } } }
    expect(signatureKeyIds(object, 'domain')).toEqual(['ed25519:1'])
    expect(signatureOf(object, 'domain', 'rsa:1')).toBeUndefined()
    expect(signatureKeyIds(object, 'constructor')).toEqual([])
  })

  test('does not change its argument', () => {
    const object = Object.freeze({ a: 1, signatures: Object.freeze({ other: Object.freeze({ 'ed25519:1': 'x' }) }) })
    expect(signJson(object, signer).signatures).toMatchObject({ other: { 'ed25519:1': 'x' }, domain: { 'ed25519:1': expect.any(String) } })
    expect(signedPayload(object)).toBe('{"a":1}')
  })
})

function flip(bytes: Uint8Array | undefined, bit: number): void {
  if (bytes !== undefined) bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7))
}
