import { Buffer } from 'node:buffer'
import { createHash, createPrivateKey, createPublicKey, type KeyObject, sign, verify } from 'node:crypto'

/*
 * The one seam between the pure rules and native code. Everything here is synchronous, so that hashing and signing can happen
 * inside a storage transaction, and total: malformed keys and signatures are answers, not exceptions.
 */

/** Length of an Ed25519 public key and of the seed that a key pair is made from, in bytes. */
export const ED25519_KEY_BYTES = 32
/** Length of an Ed25519 signature, in bytes. */
export const ED25519_SIGNATURE_BYTES = 64

/** DER headers that turn raw Ed25519 bytes into SubjectPublicKeyInfo and PKCS #8 (RFC 8410, sections 4 and 7). */
const SPKI_HEADER = Uint8Array.of(0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00)
const PKCS8_HEADER = Uint8Array.of(0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20)

/** SHA-256 of bytes, or of a string's UTF-8 encoding: 32 bytes. */
export function sha256(data: Uint8Array | string): Uint8Array {
  const hash = createHash('sha256')
  return (typeof data === 'string' ? hash.update(data, 'utf8') : hash.update(data)).digest()
}

/** SHA-1 of a string's UTF-8 encoding: 20 bytes. Used for tie-breaking in state resolution v1 only (rooms/v1#state-resolution). */
export function sha1(data: string): Uint8Array {
  return createHash('sha1').update(data, 'utf8').digest()
}

/** UTF-8 encoding of a string. Lone surrogates become U+FFFD: check `isWellFormed()` first where that matters. */
export function utf8Bytes(text: string): Uint8Array {
  return Buffer.from(text, 'utf8')
}

/** Length of a string's UTF-8 encoding in bytes, without encoding it. */
export function utf8ByteLength(text: string): number {
  return Buffer.byteLength(text, 'utf8')
}

/**
 * Whether `signature` (64 bytes) is an Ed25519 signature of `message` (a string counts as its UTF-8 encoding) by `publicKey` (32 bytes).
 * Keys or signatures of another length, and keys that are not on the curve, give `false`.
 */
export function ed25519Verify(publicKey: Uint8Array, message: Uint8Array | string, signature: Uint8Array): boolean {
  if (publicKey.length !== ED25519_KEY_BYTES || signature.length !== ED25519_SIGNATURE_BYTES) return false
  try {
    return verify(null, typeof message === 'string' ? utf8Bytes(message) : message, nativeKey(publicKey), signature)
  } catch {
    return false
  }
}

/** Most native keys kept: the servers of a busy hour. */
const MAX_NATIVE_KEYS = 1024
/** By their bytes, one character each; all forgotten at once when there are too many. Making one costs a tenth of what verifying with it does. */
const nativeKeys = new Map<string, KeyObject>()

/** The native form of a public key. Throws if there is none. */
function nativeKey(publicKey: Uint8Array): KeyObject {
  const bytes = String.fromCharCode(...publicKey)
  const known = nativeKeys.get(bytes)
  if (known !== undefined) return known
  const key = createPublicKey({ key: Buffer.concat([SPKI_HEADER, publicKey]), format: 'der', type: 'spki' })
  if (nativeKeys.size >= MAX_NATIVE_KEYS) nativeKeys.clear()
  nativeKeys.set(bytes, key)
  return key
}

/** An Ed25519 key pair that signs without exposing its private half. */
export interface Ed25519Signer {
  /** 32 bytes. */
  readonly publicKey: Uint8Array
  /** Signature (64 bytes) of a message; a string counts as its UTF-8 encoding. */
  sign(message: Uint8Array | string): Uint8Array
}

/**
 * The key pair of a 32-byte seed (RFC 8032, section 5.1.5).
 * @throws RangeError if the seed has another length: a defect of the caller, not of a peer.
 */
export function ed25519Signer(seed: Uint8Array): Ed25519Signer {
  if (seed.length !== ED25519_KEY_BYTES) throw new RangeError(`an Ed25519 seed has ${ED25519_KEY_BYTES} bytes, not ${seed.length}`)
  const privateKey = createPrivateKey({ key: Buffer.concat([PKCS8_HEADER, seed]), format: 'der', type: 'pkcs8' })
  const spki = createPublicKey(privateKey).export({ format: 'der', type: 'spki' })
  return {
    publicKey: Uint8Array.from(spki.subarray(SPKI_HEADER.length)),
    sign: (message) => sign(null, typeof message === 'string' ? utf8Bytes(message) : message, privateKey),
  }
}
