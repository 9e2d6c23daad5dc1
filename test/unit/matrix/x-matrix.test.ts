import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { canonicalJson } from '../../../src/matrix/canonical-json.ts'
import { createSigner, publicKeyOfSeed, signJson } from '../../../src/matrix/signing.ts'
import {
  buildXMatrix,
  MAX_X_MATRIX_LENGTH,
  parseXMatrix,
  requestPayload,
  signRequest,
  verifyRequest,
  type XMatrix,
} from '../../../src/matrix/x-matrix.ts'
import { propertyRuns } from '../../support/property-runs.ts'

const seed = new Uint8Array(32).fill(5)
const signer = createSigner('origin.test', 'ed25519:key1', seed)
const publicKey = publicKeyOfSeed(seed)
const request = {
  method: 'PUT',
  uri: '/_matrix/federation/v1/send/1?a=b%2F',
  destination: 'here.test:8448',
  canonicalContent: '{"pdus":[]}',
}

const expected: XMatrix = { origin: 'origin.test', destination: 'here.test:8448', keyId: 'ed25519:key1', signature: 'AbC+/w' }

describe('the X-Matrix header (server-server-api#request-authentication, F2)', () => {
  test.each([
    'X-Matrix origin="origin.test",destination="here.test:8448",key="ed25519:key1",sig="AbC+/w"',
    'x-matrix origin="origin.test",destination="here.test:8448",key="ed25519:key1",sig="AbC+/w"',
    'X-Matrix   origin=origin.test,destination=here.test:8448,key=ed25519:key1,sig="AbC+/w"',
    'X-Matrix ORIGIN="origin.test" ,\t DESTINATION="here.test:8448", Key="ed25519:key1",  sig = "AbC+/w"  ',
    'X-Matrix sig="AbC+/w",key="ed25519:\\k\\ey1",destination="here.test\\:8448",origin="origin.test",future="a\\"b,c=d",other=1',
    'X-Matrix ,origin="origin.test",,destination="here.test:8448",key="ed25519:key1",sig="AbC+/w",',
  ])('is read: %s', (header) => {
    expect(parseXMatrix(header)).toEqual(expected)
  })

  test('may lack a destination, which very old servers do not send', () => {
    expect(parseXMatrix('X-Matrix origin=o.test,key="ed25519:1",sig="A"')).toMatchObject({ origin: 'o.test', destination: undefined })
  })

  test.each([
    '',
    'X-Matrix',
    'X-Matrix ',
    'Bearer abc',
    'X-Matrixorigin=o.test,key="ed25519:1",sig="A"',
    'X-Matrix origin=o.test,key="ed25519:1"',
    'X-Matrix origin=o.test,sig="A"',
    'X-Matrix key="ed25519:1",sig="A"',
    'X-Matrix origin=o.test,origin=o.test,key="ed25519:1",sig="A"',
    'X-Matrix origin=o.test,Origin=p.test,key="ed25519:1",sig="A"',
    'X-Matrix origin="not a server",key="ed25519:1",sig="A"',
    'X-Matrix origin=o.test,destination="x y",key="ed25519:1",sig="A"',
    'X-Matrix origin=o.test,key="rsa:1",sig="A"',
    'X-Matrix origin=o.test,key="ed25519:1",sig="A',
    'X-Matrix origin=o.test,key="ed25519:1",sig="A"x',
    'X-Matrix origin=o.test key="ed25519:1",sig="A"',
    'X-Matrix origin=o.test,key="ed25519:1",sig=A/B=',
    'X-Matrix origin=o.test,key="ed25519:1",sig="A", X-Matrix origin=p.test,key="ed25519:1",sig="A"',
    `X-Matrix origin=o.test,key="ed25519:1",sig="${'A'.repeat(MAX_X_MATRIX_LENGTH)}"`,
    `X-Matrix ${' '.repeat(4_000)}x`,
    `X-Matrix a="${'\\'.repeat(4_000)}`,
  ])('is refused: %.60s', (header) => {
    expect(parseXMatrix(header)).toBeUndefined()
  })

  test('is written so that every server reads it', () => {
    const header = buildXMatrix(expected)
    expect(header).toBe('X-Matrix origin="origin.test",destination="here.test:8448",key="ed25519:key1",sig="AbC+/w"')
    expect(parseXMatrix(header)).toEqual(expected)
  })

  test('never throws, whatever it is', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(() => parseXMatrix(`X-Matrix ${text}`)).not.toThrow()
      }),
      { numRuns: propertyRuns(100) },
    )
  })
})

describe('request signatures', () => {
  test('cover what signing the JSON object of the specification covers', () => {
    const content = { pdus: [] }
    const signed = signJson(
      { method: request.method, uri: request.uri, origin: 'origin.test', destination: request.destination, content },
      signer,
    )
    const header = parseXMatrix(signRequest({ ...request, canonicalContent: canonicalJson(content) }, signer))
    expect(signed.signatures).toEqual({ 'origin.test': { 'ed25519:key1': header?.signature } })
    expect(requestPayload({ method: 'GET', uri: '/', origin: 'o', destination: 'd' })).toBe(
      '{"destination":"d","method":"GET","origin":"o","uri":"/"}',
    )
  })

  test('verify what was signed and nothing else (F2, F3, F4)', () => {
    const header = parseXMatrix(signRequest(request, signer))
    if (header === undefined) throw new Error('unreadable header')
    const verifies = (changes: Partial<typeof request>, changed: XMatrix = header, us = 'here.test:8448'): boolean =>
      verifyRequest(changed, { ...request, ...changes }, us, publicKey)
    expect(verifies({})).toBe(true)
    expect(verifies({}, { ...header, destination: undefined })).toBe(true)
    expect(verifies({ method: 'POST' })).toBe(false)
    expect(verifies({ uri: '/_matrix/federation/v1/send/1?a=b/' })).toBe(false)
    expect(verifies({ canonicalContent: '{"pdus":[{}]}' })).toBe(false)
    expect(verifies({ canonicalContent: undefined as never })).toBe(false)
    expect(verifies({}, header, 'elsewhere.test')).toBe(false)
    expect(verifies({}, { ...header, destination: undefined }, 'elsewhere.test')).toBe(false)
    expect(verifies({}, { ...header, origin: 'other.test' })).toBe(false)
    expect(verifies({}, { ...header, signature: '!' })).toBe(false)
    expect(verifies({ uri: '\ud800' })).toBe(false)
    expect(verifyRequest(header, request, 'here.test:8448', new Uint8Array(31))).toBe(false)
  })
})
