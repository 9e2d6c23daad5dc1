import { and, eq, gt, isNull, lt, or, sql } from 'drizzle-orm'
import type { Registry } from './open.ts'
import { registrationTokens } from './schema/registration-tokens.ts'

/** A token that allows registrations. `undefined`: without limit. Times in milliseconds. */
export interface RegistrationToken {
  readonly token: string
  readonly usesAllowed: number | undefined
  readonly expiryTs: number | undefined
}

/** Creates a token; answers whether its name was free. */
export async function createRegistrationToken(registry: Registry, token: RegistrationToken): Promise<boolean> {
  const row = { token: token.token, usesAllowed: token.usesAllowed ?? null, expiryTs: token.expiryTs ?? null }
  const result = await registry.db.insert(registrationTokens).values(row).onConflictDoNothing().run()
  return result.meta.changes === 1
}

/** Whether a token could be used now. Using it is decided atomically by `reserveAccount`. */
export async function isRegistrationTokenUsable(registry: Registry, token: string, nowMs: number): Promise<boolean> {
  const { usesAllowed, completed, pending, expiryTs } = registrationTokens
  const row = await registry.db
    .select({ token: registrationTokens.token })
    .from(registrationTokens)
    .where(
      and(
        eq(registrationTokens.token, token),
        or(isNull(usesAllowed), lt(sql`${completed} + ${pending}`, usesAllowed)),
        or(isNull(expiryTs), gt(expiryTs, nowMs)),
      ),
    )
    .get()
  return row !== undefined
}
