import { randomBytes as nodeRandomBytes } from 'node:crypto'

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'

/** Cryptographically random bytes. */
export function randomBytes(length: number): Uint8Array {
  return new Uint8Array(nodeRandomBytes(length))
}

/** A random string over letters and digits; 5.95 bits a character. */
export function randomString(length: number): string {
  let out = ''
  while (out.length < length) {
    for (const byte of nodeRandomBytes(length * 2)) {
      // 248 = 4 × 62: bytes above it would make some characters likelier.
      if (byte < 248 && out.length < length) out += ALPHABET[byte % 62]
    }
  }
  return out
}

/** A uniform fraction in [0, 1) for jitter, not for secrets. */
export function randomFraction(): number {
  return Math.random()
}
