import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { decodeBase64, encodeBase64, encodeBase64Url } from '../../../src/matrix/base64.ts'
import { utf8Bytes } from '../../../src/matrix/crypto.ts'
import { propertyRuns } from '../../support/property-runs.ts'

describe('unpadded Base64 (appendices#unpadded-base64)', () => {
  test.each([
    ['', ''],
    ['f', 'Zg'],
    ['fo', 'Zm8'],
    ['foo', 'Zm9v'],
    ['foob', 'Zm9vYg'],
    ['fooba', 'Zm9vYmE'],
    ['foobar', 'Zm9vYmFy'],
  ])('encodes %j as %j', (plain, encoded) => {
    expect(encodeBase64(utf8Bytes(plain))).toBe(encoded)
    expect(decodeBase64(encoded)).toEqual(Uint8Array.from(utf8Bytes(plain)))
  })

  test('agrees with the platform in both alphabets, and decodes padded and unpadded text of either', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
        const native = Buffer.from(bytes)
        expect(encodeBase64(bytes)).toBe(native.toString('base64').replaceAll('=', ''))
        expect(encodeBase64Url(bytes)).toBe(native.toString('base64url'))
        for (const encoded of [encodeBase64(bytes), encodeBase64Url(bytes), native.toString('base64')]) {
          expect(decodeBase64(encoded)).toEqual(bytes)
        }
      }),
      { numRuns: propertyRuns(100) },
    )
  })

  test.each(['A', 'AAAAA', 'AA=', 'A===', 'AAA==', '====', 'A A', 'AA\n', 'Ä', 'AA=A', '😀😀'])('refuses %j', (text) => {
    expect(decodeBase64(text)).toBeUndefined()
  })

  test('ignores unused trailing bits, as other implementations do', () => {
    expect(decodeBase64('Zh')).toEqual(Uint8Array.of(0x66))
  })
})
