import type { ObjectStore } from '../object-store.ts'

/** A key by its name: the part before and after the colon of `algorithm:keyId`. `key` is JSON text. */
export interface NamedKey {
  readonly algorithm: string
  readonly keyId: string
  readonly key: string
}

/** A one-time key by its name, whether it is still there or was handed out lately. */
export function readOneTimeKey(store: ObjectStore, deviceId: string, algorithm: string, keyId: string): string | undefined {
  return store.first<{ key: string }>(
    'SELECT key FROM one_time_keys WHERE device_id = ? AND algorithm = ? AND key_id = ?',
    deviceId,
    algorithm,
    keyId,
  )?.key
}

/** Adds a key behind all others. */
export function insertOneTimeKey(store: ObjectStore, deviceId: string, { algorithm, keyId, key }: NamedKey): void {
  store.run('INSERT INTO one_time_keys (device_id, algorithm, key_id, key) VALUES (?, ?, ?, ?)', deviceId, algorithm, keyId, key)
}

/** Takes the oldest unclaimed key: one statement, so that no key is ever taken twice. */
export function claimOneTimeKey(store: ObjectStore, deviceId: string, algorithm: string): NamedKey | undefined {
  const [row] = store.returning<{ key_id: string; key: string }>(
    `UPDATE one_time_keys SET claimed = 1 WHERE id =
       (SELECT id FROM one_time_keys WHERE device_id = ? AND algorithm = ? AND claimed = 0 ORDER BY id LIMIT 1) RETURNING key_id, key`,
    deviceId,
    algorithm,
  )
  return row && { algorithm, keyId: row.key_id, key: row.key }
}

/** How many keys of each algorithm can still be claimed; algorithms without any are absent. */
export function countOneTimeKeys(store: ObjectStore, deviceId: string): Map<string, number> {
  const rows = store.all<{ algorithm: string; count: number }>(
    'SELECT algorithm, count(*) AS count FROM one_time_keys WHERE device_id = ? AND claimed = 0 GROUP BY algorithm',
    deviceId,
  )
  return new Map(rows.map(({ algorithm, count }) => [algorithm, count]))
}

/** Forgets all but the latest claimed keys of a device. */
export function pruneClaimedKeys(store: ObjectStore, deviceId: string, keep: number): void {
  store.run(
    `DELETE FROM one_time_keys WHERE device_id = ?1 AND claimed = 1 AND id NOT IN
       (SELECT id FROM one_time_keys WHERE device_id = ?1 AND claimed = 1 ORDER BY id DESC LIMIT ?2)`,
    deviceId,
    keep,
  )
}

/** Removes every key of a device. */
export function deleteOneTimeKeys(store: ObjectStore, deviceId: string): void {
  store.run('DELETE FROM one_time_keys WHERE device_id = ?', deviceId)
}
