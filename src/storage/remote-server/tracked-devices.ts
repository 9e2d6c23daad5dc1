import type { ObjectStore } from '../object-store.ts'

/** A device of a user of the other server. */
export interface TrackedDevice {
  readonly deviceId: string
  /** A JSON object. */
  readonly keys: string
}

/** The devices of a user. */
export function trackedDevices(store: ObjectStore, userId: string): TrackedDevice[] {
  return store
    .all<{ device_id: string; keys: string }>('SELECT device_id, keys FROM tracked_devices WHERE user_id = ? ORDER BY device_id', userId)
    .map((row) => ({ deviceId: row.device_id, keys: row.keys }))
}

/** How many devices a user has, and the characters of their keys. */
export function trackedSize(store: ObjectStore, userId: string): { readonly devices: number; readonly chars: number } {
  const row = store.first<{ n: number; chars: number | null }>(
    'SELECT count(*) AS n, sum(length(keys)) AS chars FROM tracked_devices WHERE user_id = ?',
    userId,
  )
  return { devices: row?.n ?? 0, chars: row?.chars ?? 0 }
}

/** Whether a device is known. */
export function isTrackedDevice(store: ObjectStore, userId: string, deviceId: string): boolean {
  return store.first('SELECT 1 AS one FROM tracked_devices WHERE user_id = ? AND device_id = ?', userId, deviceId) !== undefined
}

/** Stores a device. The caller holds the transaction. */
export function writeTrackedDevice(store: ObjectStore, userId: string, { deviceId, keys }: TrackedDevice): void {
  store.run('INSERT OR REPLACE INTO tracked_devices (user_id, device_id, keys) VALUES (?, ?, ?)', userId, deviceId, keys)
}

/** Removes a device. The caller holds the transaction. */
export function deleteTrackedDevice(store: ObjectStore, userId: string, deviceId: string): void {
  store.run('DELETE FROM tracked_devices WHERE user_id = ? AND device_id = ?', userId, deviceId)
}

/** Removes all devices of a user. The caller holds the transaction. */
export function deleteTrackedDevices(store: ObjectStore, userId: string): void {
  store.run('DELETE FROM tracked_devices WHERE user_id = ?', userId)
}
