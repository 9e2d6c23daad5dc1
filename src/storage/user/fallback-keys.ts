import type { ObjectStore } from '../object-store.ts'
import type { NamedKey } from './one-time-keys.ts'

/** The key that is handed out while there are no one-time keys. */
export interface FallbackKeyRow extends NamedKey {
  readonly used: boolean
}

/** The fallback key of a device for an algorithm. */
export function readFallbackKey(store: ObjectStore, deviceId: string, algorithm: string): FallbackKeyRow | undefined {
  const row = store.first<{ key_id: string; key: string; used: number }>(
    'SELECT key_id, key, used FROM fallback_keys WHERE device_id = ? AND algorithm = ?',
    deviceId,
    algorithm,
  )
  return row && { algorithm, keyId: row.key_id, key: row.key, used: row.used === 1 }
}

/** Replaces the fallback key of an algorithm by one that nobody has used. */
export function writeFallbackKey(store: ObjectStore, deviceId: string, { algorithm, keyId, key }: NamedKey): void {
  store.run(
    'INSERT OR REPLACE INTO fallback_keys (device_id, algorithm, key_id, key, used) VALUES (?, ?, ?, ?, 0)',
    deviceId,
    algorithm,
    keyId,
    key,
  )
}

/** Notes that a fallback key was handed out. */
export function markFallbackKeyUsed(store: ObjectStore, deviceId: string, algorithm: string): void {
  store.run('UPDATE fallback_keys SET used = 1 WHERE device_id = ? AND algorithm = ?', deviceId, algorithm)
}

/** Algorithms whose fallback key nobody has used. */
export function unusedFallbackAlgorithms(store: ObjectStore, deviceId: string): string[] {
  return store
    .all<{ algorithm: string }>('SELECT algorithm FROM fallback_keys WHERE device_id = ? AND used = 0 ORDER BY algorithm', deviceId)
    .map(({ algorithm }) => algorithm)
}

/** How many algorithms a device has fallback keys for. */
export function countFallbackKeys(store: ObjectStore, deviceId: string): number {
  return store.first<{ count: number }>('SELECT count(*) AS count FROM fallback_keys WHERE device_id = ?', deviceId)?.count ?? 0
}

/** Removes every fallback key of a device. */
export function deleteFallbackKeys(store: ObjectStore, deviceId: string): void {
  store.run('DELETE FROM fallback_keys WHERE device_id = ?', deviceId)
}
