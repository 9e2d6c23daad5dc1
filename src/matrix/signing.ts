import { decodeBase64, encodeBase64 } from './base64.ts'
import type { CanonicalNumbers } from './canonical-json.ts'
import { canonicalJson } from './canonical-json.ts'
import { ed25519Signer, ed25519Verify } from './crypto.ts'
import { MatrixError } from './errors.ts'
import type { JsonObject } from './json.ts'
import { isJsonObject } from './json.ts'

/** Something that signs in a server's name. */
export interface EventSigner {
  /** The entity under which signatures are filed. */
  readonly serverName: string
  /** Signing key identifier, e.g. `ed25519:a1b2`. */
  readonly keyId: string
  /** Signature (64 bytes) of the message's UTF-8 encoding. */
  sign(message: string): Uint8Array
}

/**
 * A signer whose Ed25519 key pair is made from a 32-byte seed.
 * @param keyId with its algorithm, e.g. `ed25519:a1b2`.
 * @throws RangeError if the seed has another length.
 */
export function createSigner(serverName: string, keyId: string, seed: Uint8Array): EventSigner {
  const { sign } = ed25519Signer(seed)
  return { serverName, keyId, sign }
}

/** The public key (32 bytes) that belongs to a 32-byte seed. */
export function publicKeyOfSeed(seed: Uint8Array): Uint8Array {
  return ed25519Signer(seed).publicKey
}

/**
 * What a signature of an object covers: its canonical JSON without `signatures` and `unsigned` (appendices#signing-details).
 * @throws MatrixError M_BAD_JSON if the object has no canonical form.
 */
export function signedPayload(object: JsonObject, numbers: CanonicalNumbers = 'strict'): string {
  const { signatures: _signatures, unsigned: _unsigned, ...signed } = object
  return canonicalJson(signed, numbers)
}

/**
 * The object with the signer's signature added to those that it has (appendices#signing-json). The argument is not changed.
 * @throws MatrixError M_BAD_JSON if the object has no canonical form.
 */
export function signJson(object: JsonObject, signer: EventSigner): JsonObject {
  const signature = encodeBase64(signer.sign(signedPayload(object)))
  return { ...object, signatures: addSignature(object.signatures, signer, signature) }
}

/** The `signatures` object of something, with one more signature in it (unpadded Base64). */
export function addSignature(signatures: unknown, signer: { serverName: string; keyId: string }, signature: string): JsonObject {
  const all = isJsonObject(signatures) ? signatures : {}
  const own = signatureEntry(all, signer.serverName) ?? {}
  return withEntry(all, signer.serverName, withEntry(own, signer.keyId, signature))
}

/** The signatures of two copies of one object, all of them; where both have one under the same key, the first's. */
export function mergeSignatures(first: unknown, second: unknown): JsonObject {
  let merged: JsonObject = isJsonObject(second) ? second : {}
  for (const [serverName, entry] of Object.entries(isJsonObject(first) ? first : {})) {
    merged = withEntry(merged, serverName, { ...signatureEntry(merged, serverName), ...(isJsonObject(entry) ? entry : {}) })
  }
  return merged
}

/**
 * Whether `object` carries a valid signature of `serverName` under `keyId` by `publicKey` (32 bytes). Never throws: whatever is missing or
 * malformed is not a valid signature (appendices#checking-for-a-signature).
 */
export function verifyJsonSignature(object: JsonObject, serverName: string, keyId: string, publicKey: Uint8Array): boolean {
  const signature = signatureOf(object, serverName, keyId)
  if (signature === undefined) return false
  try {
    return ed25519Verify(publicKey, signedPayload(object), signature)
  } catch (error) {
    if (error instanceof MatrixError) return false
    throw error
  }
}

/** The signature (64 bytes) that an object carries under a name and an `ed25519:` key, or `undefined` if there is none that could be one. */
export function signatureOf(object: JsonObject, serverName: string, keyId: string): Uint8Array | undefined {
  if (!keyId.startsWith(ED25519_PREFIX) || !isJsonObject(object.signatures)) return undefined
  const entry = signatureEntry(object.signatures, serverName)
  if (entry === undefined || !Object.hasOwn(entry, keyId)) return undefined
  const encoded = entry[keyId]
  return typeof encoded === 'string' ? decodeBase64(encoded) : undefined
}

/** Identifiers of the `ed25519` keys under which an object carries signatures of `serverName`. */
export function signatureKeyIds(object: JsonObject, serverName: string): string[] {
  const entry = isJsonObject(object.signatures) ? signatureEntry(object.signatures, serverName) : undefined
  return entry === undefined ? [] : Object.keys(entry).filter((keyId) => keyId.startsWith(ED25519_PREFIX))
}

const ED25519_PREFIX = 'ed25519:'

function signatureEntry(signatures: JsonObject, serverName: string): JsonObject | undefined {
  const entry = Object.hasOwn(signatures, serverName) ? signatures[serverName] : undefined
  return isJsonObject(entry) ? entry : undefined
}

/** A copy with one key set; a computed key in a literal is an own property even when it is called `__proto__`. */
function withEntry(object: JsonObject, key: string, value: JsonObject | string): JsonObject {
  return { ...object, [key]: value }
}
