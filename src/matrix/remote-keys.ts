import { decodeBase64 } from './base64.ts'
import { canonicalJson } from './canonical-json.ts'
import { MatrixError } from './errors.ts'
import { isJsonObject, type JsonObject, type JsonValue } from './json.ts'
import { signatureKeyIds, verifyJsonSignature } from './signing.ts'

/*
 * Keys of other servers' users: checked before they are kept or shown (SECURITY D4). What is wrong is dropped; what is merely useless to clients, such as a
 * device that has not signed its own keys, is theirs to judge.
 */

/** Canonical JSON of one object of keys, in characters. */
const MAX_KEY_CHARS = 32 * 1024
/** Characters of a device ID, and of a display name. */
const MAX_DEVICE_ID_CHARS = 255
const MAX_NAME_CHARS = 1_000
const ED25519_KEY_BYTES = 32

/**
 * Identity keys of a device as JSON text, or `undefined` for keys of another user or device, of another shape, or with a signature by the device itself
 * that does not fit. Of `unsigned` only the display name is kept.
 */
export function checkedDeviceKeys(value: JsonValue | undefined, userId: string, deviceId: string): string | undefined {
  if (!isJsonObject(value) || value.user_id !== userId || value.device_id !== deviceId) return undefined
  if (deviceId === '' || deviceId.length > MAX_DEVICE_ID_CHARS) return undefined
  const { unsigned, ...object } = value
  const { algorithms, keys } = object
  if (!Array.isArray(algorithms) || algorithms.some((algorithm) => typeof algorithm !== 'string')) return undefined
  if (!isJsonObject(keys) || Object.values(keys).some((key) => typeof key !== 'string')) return undefined
  if (!isCanonical(object)) return undefined
  const keyId = `ed25519:${deviceId}`
  const key = keys[keyId]
  if (typeof key === 'string' && isBrokenSignature(object, userId, keyId, key)) return undefined
  const name = isJsonObject(unsigned) ? unsigned.device_display_name : undefined
  const shown = typeof name === 'string' && name.length <= MAX_NAME_CHARS ? { device_display_name: name } : {}
  return JSON.stringify({ ...object, unsigned: shown })
}

/** A master or self-signing key as JSON text, or `undefined` for a key of another user, for something else, or of another shape. */
export function checkedCrossSigningKey(value: JsonValue | undefined, userId: string, usage: 'master' | 'self_signing'): string | undefined {
  if (!isJsonObject(value) || value.user_id !== userId) return undefined
  if (!Array.isArray(value.usage) || !value.usage.includes(usage) || publicKeyIn(value) === undefined || !isCanonical(value))
    return undefined
  return JSON.stringify(value)
}

/** Whether a self-signing key carries a good signature of the master key. */
export function isSignedByMaster(selfSigning: string, master: string | undefined, userId: string): boolean {
  const masterKey: JsonValue = master === undefined ? null : JSON.parse(master)
  const key: JsonValue = JSON.parse(selfSigning)
  const publicKey = isJsonObject(masterKey) ? publicKeyIn(masterKey) : undefined
  if (publicKey === undefined || !isJsonObject(key)) return false
  return verifyJsonSignature(key, userId, `ed25519:${publicKey}`, decodeBase64(publicKey) ?? new Uint8Array())
}

/** The one public key of a cross-signing key: `{"ed25519:<key>": "<key>"}`. */
function publicKeyIn(object: JsonObject): string | undefined {
  const entries = isJsonObject(object.keys) ? Object.entries(object.keys) : []
  const [name, key] = entries.length === 1 ? (entries[0] ?? []) : []
  if (typeof key !== 'string' || name !== `ed25519:${key}`) return undefined
  return decodeBase64(key)?.length === ED25519_KEY_BYTES ? key : undefined
}

function isBrokenSignature(object: JsonObject, userId: string, keyId: string, key: string): boolean {
  if (!signatureKeyIds(object, userId).includes(keyId)) return false
  return !verifyJsonSignature(object, userId, keyId, decodeBase64(key) ?? new Uint8Array())
}

function isCanonical(object: JsonObject): boolean {
  try {
    return canonicalJson(object).length <= MAX_KEY_CHARS
  } catch (cause) {
    if (cause instanceof MatrixError) return false
    throw cause
  }
}
