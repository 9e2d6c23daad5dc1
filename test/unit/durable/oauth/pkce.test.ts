import { describe, expect, it } from 'vitest'
import { isCodeChallenge, verifierFits } from '../../../../src/durable/user/oauth/pkce.ts'

// RFC 7636, appendix B.
const VERIFIER = 'dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk'
const CHALLENGE = 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM'

describe('a proof of possession (A5)', () => {
  it('is the example of its specification', () => {
    expect(isCodeChallenge(CHALLENGE)).toBe(true)
    expect(verifierFits(VERIFIER, CHALLENGE)).toBe(true)
  })

  it.each(['', VERIFIER.slice(1), `${VERIFIER.slice(1)}l`, CHALLENGE, `${VERIFIER} `, VERIFIER.replace('-', '+'), VERIFIER.repeat(4)])(
    '%s does not fit',
    (verifier) => {
      expect(verifierFits(verifier, CHALLENGE)).toBe(false)
    },
  )

  it.each(['', VERIFIER.slice(1), `${CHALLENGE}=`, `${CHALLENGE}A`, CHALLENGE.replace('-', '+')])('%s is no challenge', (challenge) => {
    expect(isCodeChallenge(challenge)).toBe(false)
  })
})
