import type { Registry } from './open.ts'

/** How long a claim of a room that is being created stands, in milliseconds; the room confirms it within seconds. */
export const ALIAS_CLAIM_MS = 60_000

/** A name of a room on this server. */
export interface RoomAlias {
  readonly alias: string
  readonly roomId: string
  /** User ID of whoever made it. */
  readonly creator: string
}

/** Takes a name for a room. `pending`: the room is yet to be created. Answers whether the name was free. */
export async function claimAlias(
  registry: Registry,
  { alias, roomId, creator }: RoomAlias,
  pending: boolean,
  nowMs: number,
): Promise<boolean> {
  const result = await registry.sql
    .prepare(
      `INSERT INTO room_aliases (alias, room_id, creator, created_ts, pending) VALUES (?1, ?2, ?3, ?4, ?5)
       ON CONFLICT (alias) DO UPDATE SET room_id = ?2, creator = ?3, created_ts = ?4, pending = ?5
       WHERE room_aliases.pending = 1 AND room_aliases.created_ts < ?6`,
    )
    .bind(alias, roomId, creator, nowMs, pending ? 1 : 0, nowMs - ALIAS_CLAIM_MS)
    .run()
  return result.meta.changes === 1
}

/** Makes a claim a name. Does nothing for a name that another room has. */
export async function confirmAlias(registry: Registry, alias: string, roomId: string): Promise<void> {
  await registry.sql
    .prepare('UPDATE room_aliases SET pending = 0 WHERE alias = ? AND room_id = ? AND pending = 1')
    .bind(alias, roomId)
    .run()
}

/** Gives up a claim of a room that did not come into being. */
export async function releaseAlias(registry: Registry, alias: string, roomId: string): Promise<void> {
  await registry.sql.prepare('DELETE FROM room_aliases WHERE alias = ? AND room_id = ? AND pending = 1').bind(alias, roomId).run()
}

/** What a name of this server stands for. */
export async function findAlias(registry: Registry, alias: string): Promise<RoomAlias | undefined> {
  const row = await registry.sql
    .prepare('SELECT room_id, creator FROM room_aliases WHERE alias = ? AND pending = 0')
    .bind(alias)
    .first<{ room_id: string; creator: string }>()
  return row === null ? undefined : { alias, roomId: row.room_id, creator: row.creator }
}

/** Removes a name; `false` if it no longer stands for that room. */
export async function deleteAlias(registry: Registry, alias: string, roomId: string): Promise<boolean> {
  const result = await registry.sql.prepare('DELETE FROM room_aliases WHERE alias = ? AND room_id = ?').bind(alias, roomId).run()
  return result.meta.changes === 1
}

/** Names of a room, oldest first, at most `limit`. */
export async function listAliases(registry: Registry, roomId: string, limit: number): Promise<string[]> {
  const { results } = await registry.sql
    .prepare('SELECT alias FROM room_aliases WHERE room_id = ? AND pending = 0 ORDER BY created_ts, alias LIMIT ?')
    .bind(roomId, limit)
    .all<{ alias: string }>()
  return results.map(({ alias }) => alias)
}

/** Names of a room stand for another one from now on. */
export async function moveAliases(registry: Registry, fromRoomId: string, toRoomId: string): Promise<void> {
  await registry.sql.prepare('UPDATE room_aliases SET room_id = ? WHERE room_id = ? AND pending = 0').bind(toRoomId, fromRoomId).run()
}
