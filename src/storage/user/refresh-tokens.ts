import type { ObjectStore } from '../object-store.ts'

/** One refresh token, known by its keyed hash. */
export interface RefreshTokenRow {
  readonly tokenHash: string
  readonly deviceId: string
  /** Its successors have been used: showing it again ends the session. */
  readonly consumed: boolean
  /** Hash of the refresh token that the first use of this one consumes. */
  readonly replaces: string | undefined
}

/** A token by its hash. */
export function readRefreshToken(store: ObjectStore, tokenHash: string): RefreshTokenRow | undefined {
  const row = store.first<{ device_id: string; consumed: number; replaces: string | null }>(
    'SELECT device_id, consumed, replaces FROM refresh_tokens WHERE token_hash = ?',
    tokenHash,
  )
  return row && { tokenHash, deviceId: row.device_id, consumed: row.consumed === 1, replaces: row.replaces ?? undefined }
}

/** Stores a new token; one that is already there stays as it is. */
export function insertRefreshToken(
  store: ObjectStore,
  tokenHash: string,
  deviceId: string,
  replaces: string | undefined,
  nowMs: number,
): void {
  store.run(
    'INSERT OR IGNORE INTO refresh_tokens (token_hash, device_id, created_ts, replaces) VALUES (?, ?, ?, ?)',
    tokenHash,
    deviceId,
    nowMs,
    replaces ?? null,
  )
}

/** Marks a token as used up, and its successor as the one that the client holds. */
export function consumeRefreshToken(store: ObjectStore, tokenHash: string): void {
  store.run('UPDATE refresh_tokens SET consumed = 1 WHERE token_hash = ?', tokenHash)
  store.run('UPDATE refresh_tokens SET replaces = NULL WHERE replaces = ?', tokenHash)
}

/** Forgets all but the latest consumed tokens of a device. */
export function pruneRefreshTokens(store: ObjectStore, deviceId: string, keep: number): void {
  store.run(
    `DELETE FROM refresh_tokens WHERE device_id = ?1 AND consumed = 1 AND token_hash NOT IN
       (SELECT token_hash FROM refresh_tokens WHERE device_id = ?1 AND consumed = 1 ORDER BY created_ts DESC LIMIT ?2)`,
    deviceId,
    keep,
  )
}

/** Removes the tokens of a device. */
export function deleteRefreshTokens(store: ObjectStore, deviceId: string): void {
  store.run('DELETE FROM refresh_tokens WHERE device_id = ?', deviceId)
}
