import type { Registry } from './open.ts'

/** A device authorization that is under way. Codes as keyed hashes, times in milliseconds. */
export interface DeviceGrantRow {
  readonly deviceCodeHash: string
  readonly userCodeHash: string
  readonly clientId: string
  readonly scope: string
  readonly clientAddress: string
  readonly createdTs: number
  readonly expiresTs: number
  readonly polledTs: number
  readonly intervalMs: number
  readonly state: 'pending' | 'approved' | 'denied'
  /** Who approved it. */
  readonly localpart: string | undefined
}

/** Device authorizations under way at once; a further one is refused. */
export const MAX_DEVICE_GRANTS = 5_000

type Columns = {
  device_code_hash: string
  user_code_hash: string
  client_id: string
  scope: string
  client_address: string
  created_ts: number
  expires_ts: number
  polled_ts: number
  interval_ms: number
  state: string
  localpart: string | null
}

function decode(row: Columns): DeviceGrantRow {
  return {
    deviceCodeHash: row.device_code_hash,
    userCodeHash: row.user_code_hash,
    clientId: row.client_id,
    scope: row.scope,
    clientAddress: row.client_address,
    createdTs: row.created_ts,
    expiresTs: row.expires_ts,
    polledTs: row.polled_ts,
    intervalMs: row.interval_ms,
    state: row.state === 'approved' || row.state === 'denied' ? row.state : 'pending',
    localpart: row.localpart ?? undefined,
  }
}

/** Begins one, and forgets those that are over. Answers whether there was room, and no other with the same user code. */
export async function insertDeviceGrant(registry: Registry, grant: Omit<DeviceGrantRow, 'state' | 'localpart'>): Promise<boolean> {
  const { sql } = registry
  const results = await sql.batch([
    sql.prepare('DELETE FROM oauth_device_grants WHERE expires_ts < ?').bind(grant.createdTs),
    sql
      .prepare(
        `INSERT OR IGNORE INTO oauth_device_grants
           (device_code_hash, user_code_hash, client_id, scope, client_address, created_ts, expires_ts, polled_ts, interval_ms)
         SELECT ?, ?, ?, ?, ?, ?, ?, ?, ? WHERE (SELECT count(*) FROM oauth_device_grants) < ?`,
      )
      .bind(
        grant.deviceCodeHash,
        grant.userCodeHash,
        grant.clientId,
        grant.scope,
        grant.clientAddress,
        grant.createdTs,
        grant.expiresTs,
        grant.polledTs,
        grant.intervalMs,
        MAX_DEVICE_GRANTS,
      ),
  ])
  return results.at(-1)?.meta.changes === 1
}

/** Notes a poll and answers what there is; `tooSoon`: the interval had not passed, and is longer from now on. */
export async function pollDeviceGrantRow(
  registry: Registry,
  deviceCodeHash: string,
  nowMs: number,
  slowDownMs: number,
): Promise<{ readonly grant: DeviceGrantRow; readonly tooSoon: boolean } | undefined> {
  const { sql } = registry
  const row = await sql.prepare('SELECT * FROM oauth_device_grants WHERE device_code_hash = ?').bind(deviceCodeHash).first<Columns>()
  if (row === null) return undefined
  const tooSoon = nowMs - row.polled_ts < row.interval_ms
  await sql
    .prepare('UPDATE oauth_device_grants SET polled_ts = ?2, interval_ms = interval_ms + ?3 WHERE device_code_hash = ?1')
    .bind(deviceCodeHash, nowMs, tooSoon ? slowDownMs : 0)
    .run()
  return { grant: decode(row), tooSoon }
}

/** One that waits for its user, by the code that the user types. */
export async function findPendingDeviceGrant(registry: Registry, userCodeHash: string, nowMs: number): Promise<DeviceGrantRow | undefined> {
  const row = await registry.sql
    .prepare("SELECT * FROM oauth_device_grants WHERE user_code_hash = ? AND state = 'pending' AND expires_ts > ?")
    .bind(userCodeHash, nowMs)
    .first<Columns>()
  return row === null ? undefined : decode(row)
}

/** Decides one; answers whether it was still waiting. */
export async function decideDeviceGrant(
  registry: Registry,
  deviceCodeHash: string,
  decision: 'approved' | 'denied',
  localpart: string,
  nowMs: number,
): Promise<boolean> {
  const result = await registry.sql
    .prepare(
      `UPDATE oauth_device_grants SET state = ?2, localpart = ?3
       WHERE device_code_hash = ?1 AND state = 'pending' AND expires_ts > ?4`,
    )
    .bind(deviceCodeHash, decision, localpart, nowMs)
    .run()
  return result.meta.changes === 1
}

/** Forgets one whose tokens have been issued or refused. */
export async function deleteDeviceGrant(registry: Registry, deviceCodeHash: string): Promise<void> {
  await registry.sql.prepare('DELETE FROM oauth_device_grants WHERE device_code_hash = ?').bind(deviceCodeHash).run()
}
