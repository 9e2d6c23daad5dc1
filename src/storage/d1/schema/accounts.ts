import { integer, sqliteTable, text } from 'drizzle-orm/sqlite-core'

/** Which accounts exist; see migrations/d1. */
export const accounts = sqliteTable('accounts', {
  localpart: text('localpart').primaryKey(),
  createdTs: integer('created_ts').notNull(),
  deactivated: integer('deactivated', { mode: 'boolean' }).notNull().default(false),
})
