import type { ObjectStore } from '../object-store.ts'

/** What the client of a device was granted. */
export interface OAuthGrantRow {
  readonly deviceId: string
  readonly clientId: string
  readonly scope: string
  readonly clientName: string | undefined
  readonly clientUri: string | undefined
  /** Hash of the code by which the grant came. */
  readonly codeHash: string
}

type Columns = {
  device_id: string
  client_id: string
  scope: string
  client_name: string | null
  client_uri: string | null
  code_hash: string
}
const COLUMNS = 'device_id, client_id, scope, client_name, client_uri, code_hash'

function decode(row: Columns): OAuthGrantRow {
  return {
    deviceId: row.device_id,
    clientId: row.client_id,
    scope: row.scope,
    clientName: row.client_name ?? undefined,
    clientUri: row.client_uri ?? undefined,
    codeHash: row.code_hash,
  }
}

/** The grant of a device, if its client logged in through OAuth. */
export function readOAuthGrant(store: ObjectStore, deviceId: string): OAuthGrantRow | undefined {
  const row = store.first<Columns>(`SELECT ${COLUMNS} FROM oauth_grants WHERE device_id = ?`, deviceId)
  return row && decode(row)
}

/** Every grant; there are no more than devices. */
export function listOAuthGrants(store: ObjectStore): OAuthGrantRow[] {
  return store.all<Columns>(`SELECT ${COLUMNS} FROM oauth_grants`).map(decode)
}

/** Stores the grant of a device, in place of the one there was. */
export function writeOAuthGrant(store: ObjectStore, grant: OAuthGrantRow, nowMs: number): void {
  store.run(
    `INSERT OR REPLACE INTO oauth_grants (${COLUMNS}, created_ts) VALUES (?, ?, ?, ?, ?, ?, ?)`,
    grant.deviceId,
    grant.clientId,
    grant.scope,
    grant.clientName ?? null,
    grant.clientUri ?? null,
    grant.codeHash,
    nowMs,
  )
}

/** Removes the grant of a device. */
export function deleteOAuthGrant(store: ObjectStore, deviceId: string): void {
  store.run('DELETE FROM oauth_grants WHERE device_id = ?', deviceId)
}
