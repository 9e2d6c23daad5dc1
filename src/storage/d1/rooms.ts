import { eq } from 'drizzle-orm'
import { ExistenceCache } from './existence-cache.ts'
import type { Registry } from './open.ts'
import { rooms } from './schema/rooms.ts'

const known = new ExistenceCache()

/** A room as its outbox reports it. Times in milliseconds. */
export interface RoomReport {
  readonly roomId: string
  readonly version: string
  readonly createdTs: number
}

/** Where an event is. */
export interface EventRoomReport {
  readonly eventId: string
  readonly roomId: string
}

/** A local account's membership; a report with a higher `pos` wins. */
export interface LocalMembershipReport {
  readonly localpart: string
  readonly roomId: string
  readonly membership: string
  readonly pos: number
}

/** What a room has to tell the registry. */
export interface RoomReports {
  readonly rooms?: readonly RoomReport[]
  readonly events?: readonly EventRoomReport[]
  readonly memberships?: readonly LocalMembershipReport[]
  /** Aliases that were claimed for the room while it was created: they count from now on. */
  readonly aliases?: readonly { readonly alias: string; readonly roomId: string }[]
}

/** Rows in one call, over all kinds. Each kind travels as one JSON parameter, so the platform's limit of bound parameters does not matter. */
export const MAX_REPORT_ROWS = 1_000

/**
 * Files what rooms report: one batch, one transaction, one round trip. Repeating a report changes nothing. Rooms come first, because the
 * others refer to them; events and memberships of unknown rooms are left out.
 */
export async function registerRooms(registry: Registry, reports: RoomReports): Promise<void> {
  const { rooms: roomRows = [], events = [], memberships = [], aliases = [] } = reports
  if (roomRows.length + events.length + memberships.length + aliases.length > MAX_REPORT_ROWS)
    throw new RangeError(`more than ${MAX_REPORT_ROWS} reports`)
  const statements: D1PreparedStatement[] = []
  const add = (query: string, rows: readonly (readonly (string | number)[])[]): void => {
    if (rows.length > 0) statements.push(registry.sql.prepare(query).bind(JSON.stringify(rows)))
  }
  add(
    `INSERT INTO rooms (room_id, version, created_ts) SELECT value ->> 0, value ->> 1, value ->> 2 FROM json_each(?) WHERE true
     ON CONFLICT (room_id) DO NOTHING`,
    roomRows.map((row) => [row.roomId, row.version, row.createdTs]),
  )
  add(
    `INSERT INTO event_rooms (event_id, room_number) SELECT report.value ->> 0, rooms.room_number
     FROM json_each(?) AS report JOIN rooms ON rooms.room_id = report.value ->> 1 WHERE true ON CONFLICT (event_id) DO NOTHING`,
    events.map((row) => [row.eventId, row.roomId]),
  )
  add(
    `INSERT INTO local_memberships (localpart, room_number, membership, pos)
     SELECT report.value ->> 0, rooms.room_number, report.value ->> 2, report.value ->> 3
     FROM json_each(?) AS report JOIN rooms ON rooms.room_id = report.value ->> 1 WHERE true
     ON CONFLICT (localpart, room_number) DO UPDATE SET membership = excluded.membership, pos = excluded.pos WHERE excluded.pos > pos`,
    memberships.map((row) => [row.localpart, row.roomId, row.membership, row.pos]),
  )
  add(
    `UPDATE room_aliases SET pending = 0 WHERE pending = 1 AND EXISTS
       (SELECT 1 FROM json_each(?) AS report WHERE report.value ->> 0 = alias AND report.value ->> 1 = room_id)`,
    aliases.map((row) => [row.alias, row.roomId]),
  )
  if (statements.length > 0) await registry.sql.batch(statements)
  for (const row of roomRows) known.set(row.roomId, true)
}

/** Takes back the report of a room that could not be joined: it has told the registry nothing else. Repeating it changes nothing. */
export async function forgetRoom(registry: Registry, roomId: string): Promise<void> {
  await registry.db.delete(rooms).where(eq(rooms.roomId, roomId))
  known.forget(roomId)
}

/** Lets this isolate know of a room that has just been created, before the registry hears of it. */
export function noteRoomExists(roomId: string): void {
  known.set(roomId, true)
}

/** Whether this server has a room, so that its object may be named. Answers come from this isolate's cache where possible. */
export async function roomExists(registry: Registry, roomId: string): Promise<boolean> {
  const cached = known.get(roomId)
  if (cached !== undefined) return cached
  const row = await registry.db.select({ roomId: rooms.roomId }).from(rooms).where(eq(rooms.roomId, roomId)).get()
  known.set(roomId, row !== undefined)
  return row !== undefined
}
