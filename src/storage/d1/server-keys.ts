import type { Registry } from './open.ts'

/** A signing key of another server. Times in milliseconds since the epoch. */
export interface ServerKeyRow {
  readonly serverName: string
  /** With its algorithm, e.g. `ed25519:a1b2`. */
  readonly keyId: string
  /** Unpadded Base64 of 32 bytes. */
  readonly publicKey: string
  /** What the key may be trusted for; for a retired key, when it ended. */
  readonly validUntilTs: number
  /** Good for events sent before it ended, never for requests. */
  readonly retired: boolean
  /** The notary that told, `''` for the server itself. */
  readonly via: string
  readonly fetchedTs: number
}

/** A server's signed answer about its keys, as it gave it. */
export interface ServerKeyResponseRow {
  readonly serverName: string
  /** JSON text. */
  readonly body: string
  readonly validUntilTs: number
  readonly fetchedTs: number
}

/** Servers in one question. */
export const MAX_SERVERS_PER_QUERY = 1_000
/** Keys in one call of {@link storeServerKeys}. */
export const MAX_KEYS_PER_STORE = 1_000

interface KeyColumns {
  readonly server_name: string
  readonly key_id: string
  readonly public_key: string
  readonly valid_until_ts: number
  readonly retired: number
  readonly via: string
  readonly fetched_ts: number
}

/** The keys of some servers: one statement. */
export async function loadServerKeys(registry: Registry, serverNames: readonly string[]): Promise<ServerKeyRow[]> {
  if (serverNames.length > MAX_SERVERS_PER_QUERY) throw new RangeError(`more than ${MAX_SERVERS_PER_QUERY} servers`)
  const { results } = await registry.sql
    .prepare('SELECT * FROM server_keys WHERE server_name IN (SELECT value FROM json_each(?))')
    .bind(JSON.stringify(serverNames))
    .all<KeyColumns>()
  return results.map((row) => ({
    serverName: row.server_name,
    keyId: row.key_id,
    publicKey: row.public_key,
    validUntilTs: row.valid_until_ts,
    retired: row.retired === 1,
    via: row.via,
    fetchedTs: row.fetched_ts,
  }))
}

/**
 * Stores what a server or a notary has told: one batch. A server's own word replaces everything; a notary's only what a notary told
 * before, so that a notary cannot exchange a key that its owner has shown.
 */
export async function storeServerKeys(
  registry: Registry,
  keys: readonly ServerKeyRow[],
  responses: readonly ServerKeyResponseRow[],
): Promise<void> {
  if (keys.length > MAX_KEYS_PER_STORE) throw new RangeError(`more than ${MAX_KEYS_PER_STORE} keys`)
  const statements: D1PreparedStatement[] = []
  if (keys.length > 0) {
    statements.push(
      registry.sql
        .prepare(
          `INSERT INTO server_keys (server_name, key_id, public_key, valid_until_ts, retired, via, fetched_ts)
           SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6 FROM json_each(?) WHERE true
           ON CONFLICT (server_name, key_id) DO UPDATE SET public_key = excluded.public_key, valid_until_ts = excluded.valid_until_ts,
             retired = excluded.retired, via = excluded.via, fetched_ts = excluded.fetched_ts
           WHERE excluded.via = '' OR server_keys.via != ''`,
        )
        .bind(
          JSON.stringify(
            keys.map((row) => [row.serverName, row.keyId, row.publicKey, row.validUntilTs, row.retired ? 1 : 0, row.via, row.fetchedTs]),
          ),
        ),
    )
  }
  if (responses.length > 0) {
    statements.push(
      registry.sql
        .prepare(
          `INSERT OR REPLACE INTO server_key_responses (server_name, body, valid_until_ts, fetched_ts)
           SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3 FROM json_each(?)`,
        )
        .bind(JSON.stringify(responses.map((row) => [row.serverName, row.body, row.validUntilTs, row.fetchedTs]))),
    )
  }
  if (statements.length > 0) await registry.sql.batch(statements)
}

/** The signed answers of some servers about their keys, as far as they ever gave one: one statement. */
export async function loadServerKeyResponses(registry: Registry, serverNames: readonly string[]): Promise<ServerKeyResponseRow[]> {
  if (serverNames.length > MAX_SERVERS_PER_QUERY) throw new RangeError(`more than ${MAX_SERVERS_PER_QUERY} servers`)
  const { results } = await registry.sql
    .prepare(
      'SELECT server_name, body, valid_until_ts, fetched_ts FROM server_key_responses WHERE server_name IN (SELECT value FROM json_each(?))',
    )
    .bind(JSON.stringify(serverNames))
    .all<{ server_name: string; body: string; valid_until_ts: number; fetched_ts: number }>()
  return results.map((row) => ({
    serverName: row.server_name,
    body: row.body,
    validUntilTs: row.valid_until_ts,
    fetchedTs: row.fetched_ts,
  }))
}
