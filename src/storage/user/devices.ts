import type { ObjectStore } from '../object-store.ts'

/** One device of the account. Times in milliseconds. */
export interface DeviceRow {
  readonly deviceId: string
  readonly displayName: string | undefined
  readonly lastSeenTs: number | undefined
  readonly lastSeenIp: string | undefined
}

type Columns = { device_id: string; display_name: string | null; last_seen_ts: number | null; last_seen_ip: string | null }
const COLUMNS = 'device_id, display_name, last_seen_ts, last_seen_ip'

function decode(row: Columns): DeviceRow {
  return {
    deviceId: row.device_id,
    displayName: row.display_name ?? undefined,
    lastSeenTs: row.last_seen_ts ?? undefined,
    lastSeenIp: row.last_seen_ip ?? undefined,
  }
}

/** Every device, in order of device ID. Their number is bounded where they are created. */
export function listDevices(store: ObjectStore): DeviceRow[] {
  return store.all<Columns>(`SELECT ${COLUMNS} FROM devices ORDER BY device_id`).map(decode)
}

/** How many devices there are. */
export function countDevices(store: ObjectStore): number {
  return store.first<{ count: number }>('SELECT count(*) AS count FROM devices')?.count ?? 0
}

/** A device by its ID. */
export function readDevice(store: ObjectStore, deviceId: string): DeviceRow | undefined {
  const row = store.first<Columns>(`SELECT ${COLUMNS} FROM devices WHERE device_id = ?`, deviceId)
  return row && decode(row)
}

/** Creates a device. The caller has made sure that there is none of this ID. */
export function insertDevice(store: ObjectStore, device: DeviceRow, nowMs: number): void {
  store.run(
    `INSERT INTO devices (${COLUMNS}, created_ts) VALUES (?, ?, ?, ?, ?)`,
    device.deviceId,
    device.displayName ?? null,
    device.lastSeenTs ?? null,
    device.lastSeenIp ?? null,
    nowMs,
  )
}

/** Renames a device. */
export function updateDeviceName(store: ObjectStore, deviceId: string, displayName: string | undefined): void {
  store.run('UPDATE devices SET display_name = ? WHERE device_id = ?', displayName ?? null, deviceId)
}

/** Remembers when and from where a device was last used. */
export function updateDeviceSeen(store: ObjectStore, deviceId: string, seenTs: number, address: string): void {
  store.run('UPDATE devices SET last_seen_ts = ?, last_seen_ip = ? WHERE device_id = ?', seenTs, address, deviceId)
}

/** Removes a device; its tokens are removed by the caller in the same transaction. */
export function deleteDevice(store: ObjectStore, deviceId: string): void {
  store.run('DELETE FROM devices WHERE device_id = ?', deviceId)
}
