import { and, eq } from 'drizzle-orm'
import { ExistenceCache } from './existence-cache.ts'
import type { Registry } from './open.ts'
import { accounts } from './schema/accounts.ts'

const known = new ExistenceCache()

/** An account as the registry knows it. Times in milliseconds. */
export interface RegisteredAccount {
  readonly localpart: string
  readonly createdTs: number
  readonly deactivated: boolean
}

/** The registry's row of an account. Never cached; ask {@link accountExists} where that is all there is to know. */
export async function findAccount(registry: Registry, localpart: string): Promise<RegisteredAccount | undefined> {
  const row = await registry.db.select().from(accounts).where(eq(accounts.localpart, localpart)).get()
  known.set(localpart, row !== undefined)
  return row
}

/** Whether there is or was such an account, so that its object may be named. Answers come from this isolate's cache where possible. */
export async function accountExists(registry: Registry, localpart: string): Promise<boolean> {
  const cached = known.get(localpart)
  if (cached !== undefined) return cached
  const row = await registry.db.select({ localpart: accounts.localpart }).from(accounts).where(eq(accounts.localpart, localpart)).get()
  known.set(localpart, row !== undefined)
  return row !== undefined
}

/** What became of a reservation. */
export type Reservation = 'reserved' | 'taken' | 'token-refused'

/**
 * Takes a localpart for a new account and, in the same transaction, one use of a registration token if one is given. The account's object
 * decides afterwards whether the account comes into being; see {@link releaseReservation} for when it does not.
 */
export async function reserveAccount(
  registry: Registry,
  localpart: string,
  registrationToken: string | undefined,
  nowMs: number,
): Promise<Reservation> {
  const { sql } = registry
  const free = 'NOT EXISTS (SELECT 1 FROM accounts WHERE localpart = ?)'
  const statements = [
    registrationToken === undefined
      ? sql.prepare(`INSERT INTO accounts (localpart, created_ts) SELECT ?1, ?2 WHERE ${free.replace('?', '?1')}`).bind(localpart, nowMs)
      : sql
          .prepare(
            `UPDATE registration_tokens SET completed = completed + 1
             WHERE token = ?1 AND (uses_allowed IS NULL OR completed + pending < uses_allowed) AND (expiry_ts IS NULL OR expiry_ts > ?2)
               AND ${free.replace('?', '?3')}`,
          )
          .bind(registrationToken, nowMs, localpart),
  ]
  if (registrationToken !== undefined) {
    statements.push(sql.prepare('INSERT INTO accounts (localpart, created_ts) SELECT ?1, ?2 WHERE changes() = 1').bind(localpart, nowMs))
  }
  const results = await sql.batch(statements)
  if (results.at(-1)?.meta.changes === 1) {
    known.set(localpart, true)
    return 'reserved'
  }
  if (registrationToken === undefined) return 'taken'
  return (await findAccount(registry, localpart)) === undefined ? 'token-refused' : 'taken'
}

/** Gives a name back that was reserved at `createdTs` and never used. The caller has made sure that there is no account behind it. */
export async function releaseReservation(registry: Registry, localpart: string, createdTs: number): Promise<void> {
  await registry.db
    .delete(accounts)
    .where(and(eq(accounts.localpart, localpart), eq(accounts.createdTs, createdTs)))
    .run()
}

/** Notes that an account has been deactivated. */
export async function markAccountDeactivated(registry: Registry, localpart: string): Promise<void> {
  await registry.db.update(accounts).set({ deactivated: true }).where(eq(accounts.localpart, localpart)).run()
}
