import { jsonBody } from '../../../federation/outbound/client.ts'
import { OutboundError } from '../../../federation/outbound/outbound-error.ts'
import { isJsonObject, type JsonObject, type JsonValue } from '../../../matrix/json.ts'
import { checkedCrossSigningKey, checkedDeviceKeys, isSignedByMaster } from '../../../matrix/remote-keys.ts'
import { log } from '../../../runtime/log.ts'
import { MAX_TRACKED_DEVICES } from '../../../storage/remote-server/limits.ts'
import { MAX_KEYS_ANSWER_BYTES, RESYNC_TIMEOUT_MS } from './limits.ts'
import type { DeviceParts } from './parts.ts'

/** The keys that a user of the other server publishes, checked: JSON texts. */
export interface FetchedKeys {
  readonly devices: readonly { readonly deviceId: string; readonly keys: string }[]
  readonly master: string | undefined
  readonly selfSigning: string | undefined
  /** The change that this stands at, where the server says so. */
  readonly streamId: number | undefined
}

/**
 * `POST /user/keys/query` (server-server-api#post_matrixfederationv1userkeysquery): what the answer says of users who were asked for. Entries of others, and those that are
 * wrong, are dropped (SECURITY D4). @throws OutboundError.
 */
export async function queryUsers(
  parts: Pick<DeviceParts, 'ask'>,
  wanted: ReadonlyMap<string, readonly string[]>,
  timeoutMs: number,
): Promise<Map<string, FetchedKeys>> {
  const body = { device_keys: Object.fromEntries([...wanted].map(([userId, deviceIds]) => [userId, [...deviceIds]])) }
  const path = '/_matrix/federation/v1/user/keys/query'
  const answer = await parts.ask({ method: 'POST', path, canonicalBody: jsonBody(body), timeoutMs, maxBytes: MAX_KEYS_ANSWER_BYTES })
  if (!isJsonObject(answer.device_keys)) throw new OutboundError('invalid', 'the answer has no device_keys')
  const devices = entriesOf(answer.device_keys)
  const masters = entriesOf(answer.master_keys)
  const selfSigning = entriesOf(answer.self_signing_keys)
  const found = new Map<string, FetchedKeys>()
  for (const userId of wanted.keys()) {
    // Who is not in the answer has no devices.
    const listed = devices.get(userId)
    const checked = Object.entries(isJsonObject(listed) ? listed : {}).flatMap(([deviceId, keys]) => checkedDevice(userId, deviceId, keys))
    found.set(userId, { devices: checked, streamId: undefined, ...checkedKeys(userId, masters.get(userId), selfSigning.get(userId)) })
  }
  return found
}

/** `GET /user/devices/{userId}` (server-server-api#get_matrixfederationv1userdevicesuserid). @throws OutboundError. */
export async function fetchDevices(parts: DeviceParts, userId: string): Promise<FetchedKeys> {
  const path = `/_matrix/federation/v1/user/devices/${encodeURIComponent(userId)}`
  const answer = await parts.ask({ method: 'GET', path, timeoutMs: RESYNC_TIMEOUT_MS, maxBytes: MAX_KEYS_ANSWER_BYTES })
  const listed = Array.isArray(answer.devices) ? answer.devices.slice(0, MAX_TRACKED_DEVICES) : []
  const devices = listed.flatMap((device) => {
    if (!isJsonObject(device) || typeof device.device_id !== 'string' || !isJsonObject(device.keys)) return []
    return checkedDevice(userId, device.device_id, named(device.keys, device.device_display_name))
  })
  const streamId = asStreamId(answer.stream_id)
  return { devices, streamId, ...checkedKeys(userId, answer.master_key, answer.self_signing_key) }
}

/** The number of a change, or `undefined` for what cannot be one. */
export function asStreamId(value: JsonValue | undefined): number | undefined {
  return typeof value === 'number' && Number.isSafeInteger(value) ? value : undefined
}

/** Keys of a device with its display name where such keys carry it. */
export function named(keys: JsonObject, displayName: JsonValue | undefined): JsonObject {
  return typeof displayName === 'string' ? { ...keys, unsigned: { device_display_name: displayName } } : keys
}

/** Cross-signing keys that fit together. */
export function checkedKeys(
  userId: string,
  masterKey: JsonValue | undefined,
  selfSigningKey: JsonValue | undefined,
): Pick<FetchedKeys, 'master' | 'selfSigning'> {
  const master = checkedCrossSigningKey(masterKey, userId, 'master')
  const selfSigning = checkedCrossSigningKey(selfSigningKey, userId, 'self_signing')
  return { master, selfSigning: selfSigning !== undefined && isSignedByMaster(selfSigning, master, userId) ? selfSigning : undefined }
}

function checkedDevice(userId: string, deviceId: string, value: JsonValue | undefined): { deviceId: string; keys: string }[] {
  const keys = checkedDeviceKeys(value, userId, deviceId)
  if (keys === undefined) log.debug(`wrong keys of a device of ${userId} are left out`)
  return keys === undefined ? [] : [{ deviceId, keys }]
}

function entriesOf(value: JsonValue | undefined): ReadonlyMap<string, JsonValue | undefined> {
  return new Map(isJsonObject(value) ? Object.entries(value) : [])
}
