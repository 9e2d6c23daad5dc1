import { createHash } from 'node:crypto'
import { constantTimeEqual } from '../../../runtime/constant-time.ts'

/** SHA-256 in Base64url. */
const CHALLENGE = /^[A-Za-z0-9_-]{43}$/
const VERIFIER = /^[A-Za-z0-9._~-]{43,128}$/

/** Whether a text can be a challenge of the method `S256`, the only one there is here (RFC 7636, SECURITY A5). */
export function isCodeChallenge(text: string): boolean {
  return CHALLENGE.test(text)
}

/** Whether a verifier is well-formed and the one that a challenge was made from. */
export function verifierFits(verifier: string, challenge: string): boolean {
  return VERIFIER.test(verifier) && constantTimeEqual(createHash('sha256').update(verifier).digest('base64url'), challenge)
}
