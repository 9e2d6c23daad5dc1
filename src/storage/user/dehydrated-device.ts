import type { ObjectStore } from '../object-store.ts'

/** The user's dehydrated device (MSC3814). `deviceData` is JSON text. */
export interface DehydratedDeviceRow {
  readonly deviceId: string
  readonly deviceData: string
}

/** The dehydrated device, if there is one. */
export function readDehydratedDevice(store: ObjectStore): DehydratedDeviceRow | undefined {
  const row = store.first<{ device_id: string; device_data: string }>('SELECT device_id, device_data FROM dehydrated_device WHERE id = 1')
  return row && { deviceId: row.device_id, deviceData: row.device_data }
}

/** Sets the dehydrated device. */
export function writeDehydratedDevice(store: ObjectStore, { deviceId, deviceData }: DehydratedDeviceRow): void {
  store.run('INSERT OR REPLACE INTO dehydrated_device (id, device_id, device_data) VALUES (1, ?, ?)', deviceId, deviceData)
}

/** Forgets the dehydrated device of this ID. */
export function deleteDehydratedDevice(store: ObjectStore, deviceId: string): void {
  store.run('DELETE FROM dehydrated_device WHERE device_id = ?', deviceId)
}
