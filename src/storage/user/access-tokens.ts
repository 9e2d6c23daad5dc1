import type { ObjectStore } from '../object-store.ts'

/** One access token, known by its keyed hash. Times in milliseconds. */
export interface AccessTokenRow {
  readonly tokenHash: string
  readonly deviceId: string
  readonly expiresTs: number | undefined
  /** Hash of the refresh token that the first use of this one consumes. */
  readonly replaces: string | undefined
}

type Columns = { token_hash: string; device_id: string; expires_ts: number | null; replaces: string | null }

/** A token by its hash. */
export function readAccessToken(store: ObjectStore, tokenHash: string): AccessTokenRow | undefined {
  const row = store.first<Columns>('SELECT token_hash, device_id, expires_ts, replaces FROM access_tokens WHERE token_hash = ?', tokenHash)
  return (
    row && {
      tokenHash: row.token_hash,
      deviceId: row.device_id,
      expiresTs: row.expires_ts ?? undefined,
      replaces: row.replaces ?? undefined,
    }
  )
}

/** Stores a new token, or gives one that was issued but never used a new expiry. */
export function upsertAccessToken(store: ObjectStore, token: AccessTokenRow, nowMs: number): void {
  store.run(
    `INSERT INTO access_tokens (token_hash, device_id, created_ts, expires_ts, replaces) VALUES (?, ?, ?, ?, ?)
     ON CONFLICT (token_hash) DO UPDATE SET expires_ts = excluded.expires_ts`,
    token.tokenHash,
    token.deviceId,
    nowMs,
    token.expiresTs ?? null,
    token.replaces ?? null,
  )
}

/** Expires every other token of a device. They stay known for a while, so that their holders learn of a soft logout. */
export function expireAccessTokens(store: ObjectStore, deviceId: string, exceptHash: string | undefined, nowMs: number): void {
  store.run(
    'UPDATE access_tokens SET expires_ts = ?1 WHERE device_id = ?2 AND token_hash IS NOT ?3 AND (expires_ts IS NULL OR expires_ts > ?1)',
    nowMs,
    deviceId,
    exceptHash ?? null,
  )
}

/** Marks a token as received by its client. */
export function confirmAccessToken(store: ObjectStore, tokenHash: string): void {
  store.run('UPDATE access_tokens SET replaces = NULL WHERE token_hash = ?', tokenHash)
}

/** Confirms the token that was made from a refresh token; `undefined` if that was pruned. */
export function confirmAccessTokenReplacing(store: ObjectStore, refreshHash: string): string | undefined {
  const row = store.first<{ token_hash: string }>('SELECT token_hash FROM access_tokens WHERE replaces = ?', refreshHash)
  if (row !== undefined) confirmAccessToken(store, row.token_hash)
  return row?.token_hash
}

/** Forgets all but the latest expired tokens of a device. */
export function pruneAccessTokens(store: ObjectStore, deviceId: string, keep: number, nowMs: number): void {
  store.run(
    `DELETE FROM access_tokens WHERE device_id = ?1 AND expires_ts <= ?3 AND token_hash NOT IN
       (SELECT token_hash FROM access_tokens WHERE device_id = ?1 ORDER BY created_ts DESC LIMIT ?2)`,
    deviceId,
    keep,
    nowMs,
  )
}

/** Removes the tokens of a device. */
export function deleteAccessTokens(store: ObjectStore, deviceId: string): void {
  store.run('DELETE FROM access_tokens WHERE device_id = ?', deviceId)
}
