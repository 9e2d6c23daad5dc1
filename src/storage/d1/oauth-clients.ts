import type { Registry } from './open.ts'

/** A registered client. The metadata is JSON text. */
export interface OAuthClientRow {
  readonly clientId: string
  readonly metadata: string
}

/** Clients that nobody has ever logged in with are kept this long after they were last registered. */
const UNUSED_LIFETIME_MS = 7 * 24 * 60 * 60 * 1000
/** And this many of them; those registered longest ago make room. */
export const MAX_UNUSED_CLIENTS = 5_000

/** Stores a client, or notes that it was registered again; removes clients that were never used. */
export async function upsertOAuthClient(registry: Registry, client: OAuthClientRow, nowMs: number): Promise<void> {
  const { sql } = registry
  await sql.batch([
    sql.prepare('DELETE FROM oauth_clients WHERE used_ts IS NULL AND registered_ts < ?').bind(nowMs - UNUSED_LIFETIME_MS),
    sql
      .prepare(
        `DELETE FROM oauth_clients WHERE client_id IN
           (SELECT client_id FROM oauth_clients WHERE used_ts IS NULL ORDER BY registered_ts DESC LIMIT -1 OFFSET ?)`,
      )
      .bind(MAX_UNUSED_CLIENTS - 1),
    sql
      .prepare(
        `INSERT INTO oauth_clients (client_id, metadata, registered_ts) VALUES (?, ?, ?)
         ON CONFLICT (client_id) DO UPDATE SET registered_ts = excluded.registered_ts`,
      )
      .bind(client.clientId, client.metadata, nowMs),
  ])
}

/** A client by its ID. */
export async function findOAuthClient(registry: Registry, clientId: string): Promise<OAuthClientRow | undefined> {
  const row = await registry.sql
    .prepare('SELECT metadata FROM oauth_clients WHERE client_id = ?')
    .bind(clientId)
    .first<{ metadata: string }>()
  return row === null ? undefined : { clientId, metadata: row.metadata }
}

/** Notes that a user lets a client in: from then on it is not removed. Answers whether the client is still there. */
export async function markOAuthClientUsed(registry: Registry, clientId: string, nowMs: number): Promise<boolean> {
  const result = await registry.sql.prepare('UPDATE oauth_clients SET used_ts = ? WHERE client_id = ?').bind(nowMs, clientId).run()
  return result.meta.changes === 1
}
