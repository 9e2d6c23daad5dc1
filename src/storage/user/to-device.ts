import type { ObjectStore } from '../object-store.ts'

/** A message for one device, until it is acknowledged. */
export interface ToDeviceRow {
  readonly id: number
  readonly deviceId: string
  /** What the client gets: a JSON object as text. */
  readonly event: string
}

/** Messages for a device above a position, oldest first. */
export function readToDevice(store: ObjectStore, deviceId: string, after: number, limit: number): ToDeviceRow[] {
  return store
    .all<{ id: number; event: string }>(
      'SELECT id, event FROM to_device WHERE device_id = ? AND id > ? ORDER BY id LIMIT ?',
      deviceId,
      after,
      limit,
    )
    .map(({ id, event }) => ({ id, deviceId, event }))
}

/** How many messages wait for a device. */
export function countToDevice(store: ObjectStore, deviceId: string): number {
  return store.first<{ count: number }>('SELECT count(*) AS count FROM to_device WHERE device_id = ?', deviceId)?.count ?? 0
}

/** Adds a message. */
export function insertToDevice(store: ObjectStore, { id, deviceId, event }: ToDeviceRow): void {
  store.run('INSERT INTO to_device (id, device_id, event) VALUES (?, ?, ?)', id, deviceId, event)
}

/** Removes what a device has acknowledged. */
export function deleteToDeviceUpTo(store: ObjectStore, deviceId: string, upTo: number): void {
  store.run('DELETE FROM to_device WHERE device_id = ? AND id <= ?', deviceId, upTo)
}

/** Removes the oldest messages of a device until `keep` are left. */
export function trimToDevice(store: ObjectStore, deviceId: string, keep: number): void {
  store.run(
    `DELETE FROM to_device WHERE device_id = ?1 AND id <=
       (SELECT id FROM to_device WHERE device_id = ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2)`,
    deviceId,
    keep,
  )
}

/** Removes every message of a device, and what it remembers of its requests. */
export function deleteToDevice(store: ObjectStore, deviceId: string): void {
  store.run('DELETE FROM to_device WHERE device_id = ?', deviceId)
  store.run('DELETE FROM to_device_transactions WHERE device_id = ?', deviceId)
}

/** Whether a request of a device has been carried out. */
export function isTransactionKnown(store: ObjectStore, deviceId: string, txn: string): boolean {
  return store.first('SELECT 1 AS found FROM to_device_transactions WHERE device_id = ? AND txn = ?', deviceId, txn) !== undefined
}

/** Remembers that a request was carried out, and of the account's all but the latest `keep` no longer. */
export function rememberTransaction(store: ObjectStore, deviceId: string, txn: string, keep: number): void {
  store.run('INSERT INTO to_device_transactions (device_id, txn) VALUES (?, ?)', deviceId, txn)
  store.run('DELETE FROM to_device_transactions WHERE id <= (SELECT max(id) FROM to_device_transactions) - ?', keep)
}

/** The highest ID of any message or change of a device list that was ever written with a flush, or is there now; 0 where there was none. */
export function highestInboxId(store: ObjectStore): number {
  const row = store.first<{ highest: number | null }>(
    `SELECT max(id) AS highest FROM (SELECT max(id) AS id FROM to_device UNION ALL SELECT max(id) FROM device_lists
       UNION ALL SELECT id FROM peer_heads WHERE name = 'inbox')`,
  )
  return row?.highest ?? 0
}

/** Remembers the highest ID, because acknowledged messages are deleted. */
export function writeInboxHead(store: ObjectStore, id: number): void {
  store.run("INSERT OR REPLACE INTO peer_heads (name, id) VALUES ('inbox', ?)", id)
}
