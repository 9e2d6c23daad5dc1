import type { ObjectStore } from '../object-store.ts'

/** Identity keys of one device, as uploaded: a JSON object as text. */
export interface DeviceKeysRow {
  readonly deviceId: string
  readonly keys: string
}

/** The identity keys of a device. */
export function readDeviceKeys(store: ObjectStore, deviceId: string): string | undefined {
  return store.first<{ keys: string }>('SELECT keys FROM device_keys WHERE device_id = ?', deviceId)?.keys
}

/** The identity keys of every device that has any; bounded by the number of devices. */
export function listDeviceKeys(store: ObjectStore): DeviceKeysRow[] {
  return store
    .all<{ device_id: string; keys: string }>('SELECT device_id, keys FROM device_keys ORDER BY device_id')
    .map((row) => ({ deviceId: row.device_id, keys: row.keys }))
}

/** Sets the identity keys of a device. */
export function writeDeviceKeys(store: ObjectStore, { deviceId, keys }: DeviceKeysRow): void {
  store.run('INSERT OR REPLACE INTO device_keys (device_id, keys) VALUES (?, ?)', deviceId, keys)
}

/** Removes the identity keys of a device. */
export function deleteDeviceKeys(store: ObjectStore, deviceId: string): void {
  store.run('DELETE FROM device_keys WHERE device_id = ?', deviceId)
}
