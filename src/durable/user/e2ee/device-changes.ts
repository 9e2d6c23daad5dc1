import { forbidden } from '../../../matrix/errors.ts'
import { CROSS_SIGNING_USAGES, deleteCrossSigningKey, isCrossSigningKey } from '../../../storage/user/cross-signing.ts'
import { deleteDehydratedDevice } from '../../../storage/user/dehydrated-device.ts'
import { deleteDeviceKeys, readDeviceKeys } from '../../../storage/user/device-keys.ts'
import { deleteFallbackKeys } from '../../../storage/user/fallback-keys.ts'
import { deleteAllKeyBackups } from '../../../storage/user/key-backup-versions.ts'
import { deleteAllSignatures, deleteSignaturesBy, deleteSignaturesOver } from '../../../storage/user/key-signatures.ts'
import { deleteOneTimeKeys } from '../../../storage/user/one-time-keys.ts'
import { deleteToDevice } from '../../../storage/user/to-device.ts'
import { wakeParkedSoon } from '../parking-wake.ts'
import type { UserCore } from '../user-core.ts'
import type { DeviceChange } from './server-edus.ts'

/**
 * Devices or keys of this user have changed: the user's own devices hear of it at once, everybody who shares a room in order. Call it last in the
 * transaction of the change.
 */
export function announceDevices(core: UserCore, ...changes: readonly DeviceChange[]): void {
  core.e2ee.inbox.writeChange(core.userId)
  for (const change of changes) core.e2ee.outbox.announce(change)
  wakeParkedSoon(core)
}

/**
 * A device has come into being or has a new name. What has no identity keys does not exist for encryption, but may have a name that others are shown.
 * @throws MatrixError M_FORBIDDEN for a device ID that would be taken for a cross-signing key.
 */
export function encryptionDeviceChanged(core: UserCore, deviceId: string): void {
  if (isCrossSigningKey(core.store, deviceId)) throw forbidden('That device ID is in use')
  if (core.config.federateDeviceNames || readDeviceKeys(core.store, deviceId) !== undefined) announceDevices(core, { device: deviceId })
}

/** A device is going: its keys, its queue and what it signed go with it (SECURITY D10). Called inside the transaction. */
export function encryptionDeviceRemoved(core: UserCore, deviceId: string): void {
  const { store, e2ee } = core
  const hadKeys = readDeviceKeys(store, deviceId) !== undefined
  deleteDeviceKeys(store, deviceId)
  deleteOneTimeKeys(store, deviceId)
  deleteFallbackKeys(store, deviceId)
  deleteSignaturesOver(store, core.userId, deviceId)
  deleteSignaturesBy(store, `ed25519:${deviceId}`)
  deleteToDevice(store, deviceId)
  deleteDehydratedDevice(store, deviceId)
  e2ee.inbox.forget(deviceId)
  e2ee.forgetCounts(deviceId)
  if (hadKeys) announceDevices(core, { device: deviceId })
}

/** The account is going, and with its devices whatever vouched for them or could read its history. Called inside the transaction. */
export function encryptionDeactivated(core: UserCore): void {
  for (const usage of CROSS_SIGNING_USAGES) deleteCrossSigningKey(core.store, usage)
  deleteAllSignatures(core.store)
  deleteAllKeyBackups(core.store)
}
