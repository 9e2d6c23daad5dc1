import { integer, primaryKey, sqliteTable, text } from 'drizzle-orm/sqlite-core'

/** Which rooms this server has; see migrations/d1. */
export const rooms = sqliteTable('rooms', {
  roomNumber: integer('room_number').primaryKey(),
  roomId: text('room_id').notNull().unique(),
  version: text('version').notNull(),
  createdTs: integer('created_ts').notNull(),
})

/** Which room an event is in; see migrations/d1. */
export const eventRooms = sqliteTable('event_rooms', {
  eventId: text('event_id').primaryKey(),
  roomNumber: integer('room_number').notNull(),
})

/** Which rooms local accounts are in; see migrations/d1. */
export const localMemberships = sqliteTable(
  'local_memberships',
  {
    localpart: text('localpart').notNull(),
    roomNumber: integer('room_number').notNull(),
    membership: text('membership').notNull(),
    pos: integer('pos').notNull(),
  },
  (table) => [primaryKey({ columns: [table.localpart, table.roomNumber] })],
)
