import type { Registry } from './open.ts'

/** Users told at once that they lost a pushkey. */
const MAX_OTHERS = 100

/** Files which pushkeys a user has: these and no others. One round trip; repeating it changes nothing. @param keyHashes by {@link Pusher}'s owner. */
export async function registerPushers(registry: Registry, localpart: string, keyHashes: readonly string[]): Promise<void> {
  const list = JSON.stringify(keyHashes)
  await registry.sql.batch([
    registry.sql
      .prepare('DELETE FROM pushers WHERE localpart = ? AND key_hash NOT IN (SELECT value FROM json_each(?))')
      .bind(localpart, list),
    registry.sql.prepare('INSERT OR IGNORE INTO pushers (key_hash, localpart) SELECT value, ? FROM json_each(?)').bind(localpart, list),
  ])
}

/** Localparts of other users who have a pushkey. */
export async function otherOwnersOf(registry: Registry, keyHash: string, localpart: string): Promise<string[]> {
  const { results } = await registry.sql
    .prepare('SELECT localpart FROM pushers WHERE key_hash = ? AND localpart <> ? LIMIT ?')
    .bind(keyHash, localpart, MAX_OTHERS)
    .all<{ localpart: string }>()
  return results.map((row) => row.localpart)
}
