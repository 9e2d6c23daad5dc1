import { badJson, forbidden, notFound, tooLarge } from '../../../matrix/errors.ts'
import type { JsonObject } from '../../../matrix/json.ts'
import { nowMs } from '../../../runtime/clock.ts'
import { readDehydratedDevice, writeDehydratedDevice } from '../../../storage/user/dehydrated-device.ts'
import { insertDevice, readDevice } from '../../../storage/user/devices.ts'
import { checkDeviceWish, removeDevices } from '../devices.ts'
import { onDeviceChanged } from '../hooks.ts'
import type { UserCore } from '../user-core.ts'
import { type KeyUpload, storeKeys } from './upload-keys.ts'

/** `device_data` in characters of JSON. */
const MAX_DEVICE_DATA_CHARS = 256 * 1024
/** Messages in one answer. */
const MAX_EVENTS = 100

/** A dehydrated device that a client uploads (MSC3814). */
export interface DehydratedDeviceUpload {
  readonly deviceId: string
  readonly deviceData: JsonObject
  readonly displayName: string | undefined
  readonly keys: KeyUpload
}

/** Messages for the dehydrated device, JSON texts, and where the next ones begin. */
export interface DehydratedEvents {
  readonly events: readonly string[]
  readonly nextBatch: string
  readonly more: boolean
}

/**
 * Stores a device that nobody is logged in on, with its keys, in the place of the one before: one commit.
 * @throws MatrixError M_FORBIDDEN for the ID of a device that somebody is logged in on, and whatever an upload of keys is refused with.
 */
export function putDehydratedDevice(core: UserCore, upload: DehydratedDeviceUpload, requestId: string): void {
  const { store } = core
  const { deviceId, displayName } = upload
  checkDeviceWish({ deviceId, displayName, refreshable: false, clientAddress: '' })
  const deviceData = JSON.stringify(upload.deviceData)
  if (deviceData.length > MAX_DEVICE_DATA_CHARS) throw tooLarge('The data of the device is too large')
  if (upload.keys.deviceKeys === undefined) throw badJson('device_keys are missing')
  const previous = readDehydratedDevice(store)
  if (previous?.deviceId !== deviceId && readDevice(store, deviceId) !== undefined) throw forbidden('Somebody is logged in on that device')
  try {
    replaceDevice(core, upload, previous?.deviceId, deviceData, requestId)
  } catch (cause) {
    // What was announced in the transaction has not happened.
    core.due.forgetCache()
    throw cause
  }
}

function replaceDevice(
  core: UserCore,
  { deviceId, displayName, keys }: DehydratedDeviceUpload,
  previousId: string | undefined,
  deviceData: string,
  requestId: string,
): void {
  const { store } = core
  store.transaction(requestId, () => {
    if (previousId !== undefined) removeDevices(core, [previousId])
    insertDevice(store, { deviceId, displayName, lastSeenTs: undefined, lastSeenIp: undefined }, nowMs())
    onDeviceChanged(core, deviceId)
    writeDehydratedDevice(store, { deviceId, deviceData })
    storeKeys(core, deviceId, keys)
  })
}

/** The dehydrated device. @throws MatrixError M_NOT_FOUND. */
export function getDehydratedDevice(core: UserCore): { readonly deviceId: string; readonly deviceData: string } {
  const device = readDehydratedDevice(core.store)
  if (device === undefined) throw notFound('No dehydrated device available')
  return device
}

/** Removes the dehydrated device; answers its ID. @throws MatrixError M_NOT_FOUND. */
export function deleteDehydratedDevice(core: UserCore, requestId: string): string {
  const { deviceId } = getDehydratedDevice(core)
  core.store.transaction(requestId, () => removeDevices(core, [deviceId]))
  return deviceId
}

/**
 * Messages for the dehydrated device after a position. They stay until the device goes, because whoever reads them may be interrupted.
 * @throws MatrixError M_NOT_FOUND for any other device.
 */
export function dehydratedEvents(core: UserCore, deviceId: string, from: string | undefined): DehydratedEvents {
  if (getDehydratedDevice(core).deviceId !== deviceId) throw notFound('No dehydrated device of that ID')
  const after = from !== undefined && /^\d{1,16}$/.test(from) ? Number(from) : 0
  const rows = core.e2ee.inbox.messages(deviceId, after, MAX_EVENTS)
  return { events: rows.map(({ event }) => event), nextBatch: String(rows.at(-1)?.id ?? after), more: rows.length === MAX_EVENTS }
}
