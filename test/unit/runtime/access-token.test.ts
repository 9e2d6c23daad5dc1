import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { mintToken, readToken, successorToken, tokenHash } from '../../../src/runtime/access-token.ts'
import { type Config, parseConfig } from '../../../src/runtime/config.ts'

function configWith(secretByte: number): Config {
  return parseConfig({
    MYELIN_SECRET: Buffer.alloc(32, secretByte).toString('base64'),
    MYELIN_SIGNING_KEY: `ed25519 a ${Buffer.alloc(32, 2).toString('base64').replace(/=+$/, '')}`,
  })
}
const config = configWith(1)

describe('a token', () => {
  it('names its account and kind, whatever the localpart', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'grapheme', minLength: 1, maxLength: 60 }),
        fc.constantFrom('access' as const, 'refresh' as const),
        (localpart, kind) => {
          expect(readToken(config, mintToken(config, kind, localpart))).toEqual({ kind, localpart })
        },
      ),
    )
  })

  it('of a localpart with the most bytes is read', () => {
    const localpart = 'x'.repeat(255)
    expect(readToken(config, mintToken(config, 'access', localpart))?.localpart).toBe(localpart)
  })

  it('is not accepted with any character changed, added or removed', () => {
    const token = mintToken(config, 'access', 'alice')
    for (let index = 0; index < token.length; index++) {
      const other = token[index] === 'A' ? 'B' : 'A'
      expect(readToken(config, token.slice(0, index) + other + token.slice(index + 1))).toBeUndefined()
      expect(readToken(config, token.slice(0, index) + token.slice(index + 1))).toBeUndefined()
      expect(readToken(config, `${token.slice(0, index)}A${token.slice(index)}`)).toBeUndefined()
    }
    expect(readToken(config, token.replace('mya_', 'myr_'))).toBeUndefined()
  })

  it('of another secret is not accepted, and neither is any other text', () => {
    expect(readToken(configWith(2), mintToken(config, 'access', 'alice'))).toBeUndefined()
    fc.assert(
      fc.property(fc.string({ maxLength: 500 }), (text) => {
        expect(readToken(config, text)).toBeUndefined()
        expect(readToken(config, `mya_${text}`)).toBeUndefined()
      }),
    )
  })

  it('is never made twice, except as the successor of the same refresh token', () => {
    expect(mintToken(config, 'access', 'alice')).not.toBe(mintToken(config, 'access', 'alice'))
    const refresh = mintToken(config, 'refresh', 'alice')
    expect(successorToken(config, 'access', 'alice', refresh)).toBe(successorToken(config, 'access', 'alice', refresh))
    expect(readToken(config, successorToken(config, 'access', 'alice', refresh))).toEqual({ kind: 'access', localpart: 'alice' })
    const random = (token: string) => token.split('_').at(-2)
    expect(random(successorToken(config, 'access', 'alice', refresh))).not.toBe(random(successorToken(config, 'refresh', 'alice', refresh)))
  })

  it('is hashed under a key', () => {
    expect(tokenHash(config, 'x')).not.toBe(tokenHash(configWith(2), 'x'))
    expect(tokenHash(config, 'x')).toHaveLength(43)
  })
})
