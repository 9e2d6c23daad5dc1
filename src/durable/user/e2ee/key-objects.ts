import { canonicalJson } from '../../../matrix/canonical-json.ts'
import { badJson, invalidParam, tooLarge } from '../../../matrix/errors.ts'
import { isJsonObject, type JsonObject, type JsonValue } from '../../../matrix/json.ts'
import type { NamedKey } from '../../../storage/user/one-time-keys.ts'

/** Canonical JSON of the identity keys of a device, in characters. */
const MAX_DEVICE_KEYS_CHARS = 32 * 1024
/** Canonical JSON of a one-time or fallback key, in characters. */
const MAX_KEY_CHARS = 8 * 1024
/** Characters of `algorithm:keyId`. */
const MAX_KEY_NAME_CHARS = 255
/** Keys in one object of an upload. */
const MAX_KEYS_PER_UPLOAD = 500

/** Identity keys of a device, checked. */
export interface DeviceKeys {
  /** `keys` of the object. */
  readonly identity: JsonObject
  /** The object without `unsigned`, as canonical JSON. */
  readonly json: string
}

/**
 * Identity keys that a device uploads (client-server-api#post_matrixclientv3keysupload, SECURITY D5). Signatures are for clients to check.
 * @throws MatrixError M_INVALID_PARAM for another user or device, M_BAD_JSON for another shape, M_TOO_LARGE.
 */
export function parseDeviceKeys(value: JsonObject, userId: string, deviceId: string): DeviceKeys {
  const { unsigned: _unsigned, ...object } = value
  if (object.user_id !== userId) throw invalidParam('device_keys are of another user')
  if (object.device_id !== deviceId) throw invalidParam('device_keys are of another device')
  const { algorithms, keys, signatures } = object
  if (!Array.isArray(algorithms) || algorithms.some((algorithm) => typeof algorithm !== 'string')) throw badJson('device_keys.algorithms')
  if (!isJsonObject(keys) || Object.values(keys).some((key) => typeof key !== 'string')) throw badJson('device_keys.keys')
  if (!isSignatures(signatures)) throw badJson('device_keys.signatures')
  const json = canonicalJson(object)
  if (json.length > MAX_DEVICE_KEYS_CHARS) throw tooLarge('The device keys are too large')
  return { identity: keys, json }
}

/** Whether a value is an object of users, their keys and strings. Absent counts as none. */
function isSignatures(value: JsonValue | undefined): boolean {
  if (value === undefined) return true
  if (!isJsonObject(value)) return false
  return Object.values(value).every((entry) => isJsonObject(entry) && Object.values(entry).every((text) => typeof text === 'string'))
}

/** Whether a device that has identity keys would have others afterwards: it must not, because others have verified the ones it has. */
export function changesIdentity(stored: string, { identity }: DeviceKeys): boolean {
  const object: unknown = JSON.parse(stored)
  const before = isJsonObject(object) && isJsonObject(object.keys) ? object.keys : {}
  return Object.entries(before).some(([name, key]) => identity[name] !== key)
}

/**
 * One-time or fallback keys by their names.
 * @throws MatrixError M_BAD_JSON for keys that are neither texts nor objects, M_INVALID_PARAM for other names, M_TOO_LARGE.
 */
export function parseNamedKeys(value: JsonObject): NamedKey[] {
  const entries = Object.entries(value)
  if (entries.length > MAX_KEYS_PER_UPLOAD) throw tooLarge(`At most ${MAX_KEYS_PER_UPLOAD} keys can be uploaded at once`)
  return entries.map(([name, key]) => {
    const colon = name.indexOf(':')
    if (colon <= 0 || colon === name.length - 1 || name.length > MAX_KEY_NAME_CHARS) throw invalidParam(`Not the name of a key: ${name}`)
    if (typeof key !== 'string' && !isJsonObject(key)) throw badJson(`Not a key: ${name}`)
    if (isJsonObject(key) && (typeof key.key !== 'string' || !isSignatures(key.signatures))) throw badJson(`Not a key: ${name}`)
    const json = canonicalJson(key)
    if (json.length > MAX_KEY_CHARS) throw tooLarge(`The key is too large: ${name}`)
    return { algorithm: name.slice(0, colon), keyId: name.slice(colon + 1), key: json }
  })
}

/** Whether two keys are the same apart from their signatures. */
export function isSameKey(left: string, right: string): boolean {
  return left === right || withoutSignatures(left) === withoutSignatures(right)
}

function withoutSignatures(json: string): string {
  const value: JsonValue = JSON.parse(json)
  if (!isJsonObject(value)) return json
  const { signatures: _signatures, ...rest } = value
  return canonicalJson(rest)
}
