import { UNKNOWN_ADDRESS } from '../../http/context.ts'
import { forbidden, invalidParam, notFound } from '../../matrix/errors.ts'
import type { JsonObject } from '../../matrix/json.ts'
import { randomString } from '../../runtime/random.ts'
import * as rows from '../../storage/user/devices.ts'
import { onDeviceChanged, onDeviceRemoved } from './hooks.ts'
import { type IssuedTokens, issueTokens, revokeTokens } from './tokens-refresh.ts'
import type { UserCore } from './user-core.ts'

/** Devices of one account. */
const MAX_DEVICES = 500
/** Characters of a device ID that a client chooses, and of a display name. */
const MAX_DEVICE_ID_CHARS = 255
const MAX_DISPLAY_NAME_CHARS = 1_000
const GENERATED_DEVICE_ID_CHARS = 10

/** What a client may say about the device that it logs in on. */
export interface DeviceWish {
  readonly deviceId: string | undefined
  readonly displayName: string | undefined
  /** Whether the client can refresh its access token. */
  readonly refreshable: boolean
  readonly clientAddress: string
}

/** A device with the tokens that its client continues with. */
export interface LoggedIn extends IssuedTokens {
  readonly deviceId: string
}

/** Checks what a client says about its device, before anything is created. @throws MatrixError M_INVALID_PARAM. */
export function checkDeviceWish(wish: DeviceWish): void {
  const { deviceId, displayName } = wish
  if (deviceId !== undefined && (deviceId === '' || deviceId.length > MAX_DEVICE_ID_CHARS)) {
    throw invalidParam(`A device ID has 1 to ${MAX_DEVICE_ID_CHARS} characters`)
  }
  checkDisplayName(displayName)
}

function checkDisplayName(displayName: string | undefined): void {
  if (displayName !== undefined && displayName.length > MAX_DISPLAY_NAME_CHARS) {
    throw invalidParam(`A device name has at most ${MAX_DISPLAY_NAME_CHARS} characters`)
  }
}

/** Logs in on a device: a new one, or one that exists, whose tokens are replaced. Call it in a transaction. @throws MatrixError M_FORBIDDEN. */
export function logInDevice(core: UserCore, wish: DeviceWish, now: number): LoggedIn {
  const deviceId = wish.deviceId ?? randomString(GENERATED_DEVICE_ID_CHARS).toUpperCase()
  if (rows.readDevice(core.store, deviceId) === undefined) {
    if (rows.countDevices(core.store) >= MAX_DEVICES) throw forbidden('This account has too many devices')
    const device = { deviceId, displayName: wish.displayName, lastSeenTs: now, lastSeenIp: wish.clientAddress }
    rows.insertDevice(core.store, device, now)
    onDeviceChanged(core, deviceId)
  } else {
    rows.updateDeviceSeen(core.store, deviceId, now, wish.clientAddress)
  }
  return { deviceId, ...issueTokens(core, deviceId, wish.refreshable, now) }
}

/** Removes devices with everything that hangs on them (SECURITY A3, D10). Unknown ones are no error. Call it in a transaction. */
export function removeDevices(core: UserCore, deviceIds: readonly string[]): void {
  for (const deviceId of deviceIds) {
    if (rows.readDevice(core.store, deviceId) === undefined) continue
    revokeTokens(core, deviceId)
    onDeviceRemoved(core, deviceId)
    rows.deleteDevice(core.store, deviceId)
  }
}

/** Removes every device but one. Call it in a transaction. */
export function removeOtherDevices(core: UserCore, keepDeviceId: string | undefined): void {
  const others = rows.listDevices(core.store).filter(({ deviceId }) => deviceId !== keepDeviceId)
  removeDevices(
    core,
    others.map(({ deviceId }) => deviceId),
  )
}

/** Devices as their owner sees them (client-server-api#get_matrixclientv3devices). */
export function describeDevices(core: UserCore): JsonObject[] {
  return rows.listDevices(core.store).map((device) => describe(core, device))
}

/** One device as its owner sees it. @throws MatrixError M_NOT_FOUND. */
export function describeDevice(core: UserCore, deviceId: string): JsonObject {
  const device = rows.readDevice(core.store, deviceId)
  if (device === undefined) throw notFound('There is no such device')
  return describe(core, device)
}

function describe(core: UserCore, device: rows.DeviceRow): JsonObject {
  const seen = core.lastSeen.get(device.deviceId)
  const address = seen?.address ?? device.lastSeenIp
  return {
    device_id: device.deviceId,
    display_name: device.displayName,
    last_seen_ts: seen?.seenTs ?? device.lastSeenTs,
    last_seen_ip: address === UNKNOWN_ADDRESS ? undefined : address,
  }
}

/** Renames a device. @throws MatrixError M_NOT_FOUND, M_INVALID_PARAM. */
export function renameDevice(core: UserCore, deviceId: string, displayName: string | undefined, requestId: string): void {
  checkDisplayName(displayName)
  if (rows.readDevice(core.store, deviceId) === undefined) throw notFound('There is no such device')
  if (displayName === undefined) return
  core.store.transaction(requestId, () => {
    rows.updateDeviceName(core.store, deviceId, displayName)
    const seen = core.lastSeen.get(deviceId)
    if (seen !== undefined) rows.updateDeviceSeen(core.store, deviceId, seen.seenTs, seen.address)
    onDeviceChanged(core, deviceId)
  })
}
