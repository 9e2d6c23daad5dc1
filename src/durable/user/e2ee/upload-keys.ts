import { invalidParam, tooLarge } from '../../../matrix/errors.ts'
import type { JsonObject } from '../../../matrix/json.ts'
import { readDeviceKeys, writeDeviceKeys } from '../../../storage/user/device-keys.ts'
import { countFallbackKeys, readFallbackKey, writeFallbackKey } from '../../../storage/user/fallback-keys.ts'
import { countOneTimeKeys, insertOneTimeKey, type NamedKey, pruneClaimedKeys, readOneTimeKey } from '../../../storage/user/one-time-keys.ts'
import type { UserCore } from '../user-core.ts'
import { announceDevices } from './device-changes.ts'
import { changesIdentity, isSameKey, parseDeviceKeys, parseNamedKeys } from './key-objects.ts'

/** One-time keys of a device that can be claimed. */
const MAX_ONE_TIME_KEYS = 1_000
/** Claimed keys that are remembered, so that repeating an upload cannot bring them back. */
const KEEP_CLAIMED_KEYS = 500
/** Algorithms that a device has fallback keys for. */
const MAX_FALLBACK_ALGORITHMS = 16

/** What a client uploads; absent parts stay as they are. */
export interface KeyUpload {
  readonly deviceKeys: JsonObject | undefined
  readonly oneTimeKeys: JsonObject | undefined
  readonly fallbackKeys: JsonObject | undefined
}

/**
 * Stores keys of a device: all of them or, if one is refused, none (client-server-api#post_matrixclientv3keysupload, SECURITY D5). Uploading what is there
 * already changes nothing. Answers how many one-time keys can be claimed, as JSON.
 * @throws MatrixError M_INVALID_PARAM, M_BAD_JSON, M_TOO_LARGE.
 */
export function uploadKeys(core: UserCore, deviceId: string, upload: KeyUpload, requestId: string): string {
  core.store.transaction(requestId, () => storeKeys(core, deviceId, upload))
  return core.e2ee.keyCounts(deviceId).oneTimeKeys
}

/** {@link uploadKeys} within a transaction of the caller. */
export function storeKeys(core: UserCore, deviceId: string, upload: KeyUpload): void {
  if (upload.oneTimeKeys !== undefined) addOneTimeKeys(core, deviceId, parseNamedKeys(upload.oneTimeKeys))
  if (upload.fallbackKeys !== undefined) setFallbackKeys(core, deviceId, parseNamedKeys(upload.fallbackKeys))
  // Last, because it is announced.
  if (upload.deviceKeys !== undefined) setDeviceKeys(core, deviceId, upload.deviceKeys)
}

function setDeviceKeys(core: UserCore, deviceId: string, value: JsonObject): void {
  const keys = parseDeviceKeys(value, core.userId, deviceId)
  const stored = readDeviceKeys(core.store, deviceId)
  if (stored === keys.json) return
  if (stored !== undefined && changesIdentity(stored, keys)) throw invalidParam('The identity keys of a device cannot be changed')
  writeDeviceKeys(core.store, { deviceId, keys: keys.json })
  announceDevices(core, { device: deviceId })
}

function addOneTimeKeys(core: UserCore, deviceId: string, keys: readonly NamedKey[]): void {
  const { store, e2ee } = core
  const fresh = keys.filter(({ algorithm, keyId, key }) => {
    const stored = readOneTimeKey(store, deviceId, algorithm, keyId)
    if (stored === undefined) return true
    if (!isSameKey(stored, key)) throw invalidParam(`There is another key ${algorithm}:${keyId}`)
    return false
  })
  if (fresh.length === 0) return
  let count = fresh.length
  for (const stored of countOneTimeKeys(store, deviceId).values()) count += stored
  if (count > MAX_ONE_TIME_KEYS) throw tooLarge(`A device has at most ${MAX_ONE_TIME_KEYS} one-time keys`)
  for (const key of fresh) insertOneTimeKey(store, deviceId, key)
  pruneClaimedKeys(store, deviceId, KEEP_CLAIMED_KEYS)
  e2ee.forgetCounts(deviceId)
}

function setFallbackKeys(core: UserCore, deviceId: string, keys: readonly NamedKey[]): void {
  const { store, e2ee } = core
  if (new Set(keys.map(({ algorithm }) => algorithm)).size < keys.length) throw invalidParam('One fallback key for each algorithm')
  for (const key of keys) {
    const stored = readFallbackKey(store, deviceId, key.algorithm)
    // Uploading the same key again does not make it unused.
    if (stored?.keyId === key.keyId && isSameKey(stored.key, key.key)) continue
    if (stored === undefined && countFallbackKeys(store, deviceId) >= MAX_FALLBACK_ALGORITHMS) {
      throw tooLarge(`A device has at most ${MAX_FALLBACK_ALGORITHMS} fallback keys`)
    }
    writeFallbackKey(store, deviceId, key)
    e2ee.forgetCounts(deviceId)
  }
}
