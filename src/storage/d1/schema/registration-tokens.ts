import { integer, sqliteTable, text } from 'drizzle-orm/sqlite-core'

/** Tokens that allow a number of registrations; see migrations/d1. */
export const registrationTokens = sqliteTable('registration_tokens', {
  token: text('token').primaryKey(),
  usesAllowed: integer('uses_allowed'),
  pending: integer('pending').notNull().default(0),
  completed: integer('completed').notNull().default(0),
  expiryTs: integer('expiry_ts'),
})
