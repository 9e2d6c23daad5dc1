import type { Registry } from './open.ts'

/** A room in the public directory, as it reports itself. */
export interface PublicRoomRow {
  readonly roomId: string
  readonly joinedMembers: number
  readonly roomType: string | undefined
  /** JSON of one element of `chunk` (client-server-api#get_matrixclientv3publicrooms). */
  readonly entry: string
  /** What searches look in, in lower case. */
  readonly searchText: string
}

/** A place in the directory: between rooms in the order of their size, then of their ID. */
export interface DirectoryPlace {
  readonly joinedMembers: number
  readonly roomId: string
}

/** What to read of the directory. */
export interface DirectoryQuery {
  /** In lower case; empty for everything. */
  readonly searchTerm: string
  /** Types of rooms, `null` for rooms without one; `undefined` for all. */
  readonly roomTypes: readonly (string | null)[] | undefined
  /** Where to go on, and which way; `undefined` for the beginning. */
  readonly from: { readonly place: DirectoryPlace; readonly backwards: boolean } | undefined
  readonly limit: number
}

/** An entry and where it stands. */
export interface DirectoryEntry {
  readonly place: DirectoryPlace
  readonly entry: string
}

/** Puts a room into the directory, or what is there of it up to date. */
export async function putPublicRoom(registry: Registry, row: PublicRoomRow): Promise<void> {
  await registry.sql
    .prepare('INSERT OR REPLACE INTO public_rooms (room_id, joined_members, room_type, entry, search_text) VALUES (?, ?, ?, ?, ?)')
    .bind(row.roomId, row.joinedMembers, row.roomType ?? null, row.entry, row.searchText)
    .run()
}

/** Takes a room out of the directory. */
export async function removePublicRoom(registry: Registry, roomId: string): Promise<void> {
  await registry.sql.prepare('DELETE FROM public_rooms WHERE room_id = ?').bind(roomId).run()
}

/** Whether a room is in the directory. */
export async function isPublicRoom(registry: Registry, roomId: string): Promise<boolean> {
  return (await registry.sql.prepare('SELECT 1 AS one FROM public_rooms WHERE room_id = ?').bind(roomId).first()) !== null
}

/** A page of the directory, largest rooms first, and how many rooms it has altogether: one round trip. */
export async function readDirectory(
  registry: Registry,
  query: DirectoryQuery,
): Promise<{ readonly entries: DirectoryEntry[]; readonly total: number }> {
  const { searchTerm, roomTypes, from, limit } = query
  const backwards = from?.backwards === true
  // The largest room comes first: "after" a place means smaller, or as large with a greater ID.
  const beyond = backwards
    ? '(joined_members > ?3 OR (joined_members = ?3 AND room_id < ?4))'
    : '(joined_members < ?3 OR (joined_members = ?3 AND room_id > ?4))'
  const order = backwards ? 'joined_members, room_id DESC' : 'joined_members DESC, room_id'
  const page = registry.sql
    .prepare(
      `SELECT room_id, joined_members, entry FROM public_rooms
       WHERE (?1 = '' OR instr(search_text, ?1) > 0)
         AND (?2 IS NULL OR EXISTS (SELECT 1 FROM json_each(?2) AS wanted WHERE wanted.value IS public_rooms.room_type))
         AND (?3 IS NULL OR ${beyond})
       ORDER BY ${order} LIMIT ?5`,
    )
    .bind(
      searchTerm,
      roomTypes === undefined ? null : JSON.stringify(roomTypes),
      from?.place.joinedMembers ?? null,
      from?.place.roomId ?? null,
      limit,
    )
  const [rows, count] = await registry.sql.batch<{ room_id: string; joined_members: number; entry: string; n: number }>([
    page,
    registry.sql.prepare('SELECT count(*) AS n FROM public_rooms'),
  ])
  const entries = (rows?.results ?? []).map((row) => ({
    place: { joinedMembers: row.joined_members, roomId: row.room_id },
    entry: row.entry,
  }))
  return { entries: backwards ? entries.reverse() : entries, total: count?.results[0]?.n ?? 0 }
}
