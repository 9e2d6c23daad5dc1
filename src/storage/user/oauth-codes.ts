import type { ObjectStore } from '../object-store.ts'

/** An authorization code, or a device code that the user has approved, known by its keyed hash. Times in milliseconds. */
export interface OAuthCodeRow {
  readonly codeHash: string
  readonly clientId: string
  /** `undefined` for a device code. */
  readonly redirectUri: string | undefined
  /** `undefined` for a device code. */
  readonly codeChallenge: string | undefined
  readonly scope: string
  readonly deviceId: string
  readonly clientName: string | undefined
  readonly clientUri: string | undefined
  readonly createdTs: number
  readonly expiresTs: number
  readonly used: boolean
}

type Columns = {
  client_id: string
  redirect_uri: string | null
  code_challenge: string | null
  scope: string
  device_id: string
  client_name: string | null
  client_uri: string | null
  created_ts: number
  expires_ts: number
  used: number
}

/** A code by its hash. */
export function readOAuthCode(store: ObjectStore, codeHash: string): OAuthCodeRow | undefined {
  const row = store.first<Columns>(
    `SELECT client_id, redirect_uri, code_challenge, scope, device_id, client_name, client_uri, created_ts, expires_ts, used
     FROM oauth_codes WHERE code_hash = ?`,
    codeHash,
  )
  return (
    row && {
      codeHash,
      clientId: row.client_id,
      redirectUri: row.redirect_uri ?? undefined,
      codeChallenge: row.code_challenge ?? undefined,
      scope: row.scope,
      deviceId: row.device_id,
      clientName: row.client_name ?? undefined,
      clientUri: row.client_uri ?? undefined,
      createdTs: row.created_ts,
      expiresTs: row.expires_ts,
      used: row.used === 1,
    }
  )
}

/** Stores a code; of those there were, the latest `keep - 1` remain. */
export function insertOAuthCode(store: ObjectStore, code: OAuthCodeRow, keep: number): void {
  store.run('DELETE FROM oauth_codes WHERE code_hash NOT IN (SELECT code_hash FROM oauth_codes ORDER BY created_ts DESC LIMIT ?)', keep - 1)
  store.run(
    `INSERT INTO oauth_codes (code_hash, client_id, redirect_uri, code_challenge, scope, device_id, client_name, client_uri, created_ts, expires_ts)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    code.codeHash,
    code.clientId,
    code.redirectUri ?? null,
    code.codeChallenge ?? null,
    code.scope,
    code.deviceId,
    code.clientName ?? null,
    code.clientUri ?? null,
    code.createdTs,
    code.expiresTs,
  )
}

/** Marks a code as used. */
export function markOAuthCodeUsed(store: ObjectStore, codeHash: string): void {
  store.run('UPDATE oauth_codes SET used = 1 WHERE code_hash = ?', codeHash)
}

/** Forgets codes that nobody has used yet. */
export function deleteUnusedOAuthCodes(store: ObjectStore): void {
  store.run('DELETE FROM oauth_codes WHERE used = 0')
}
