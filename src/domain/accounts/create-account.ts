import type { RegisterRequest } from '../../durable/user/accounts.ts'
import type { LoggedIn } from '../../durable/user/devices.ts'
import { checkNewPassword } from '../../durable/user/password-hash.ts'
import { forbidden, userInUse } from '../../matrix/errors.ts'
import { nowMs } from '../../runtime/clock.ts'
import { unwrap } from '../../runtime/outcome.ts'
import { accountExists, findAccount, releaseReservation, reserveAccount } from '../../storage/d1/accounts.ts'
import type { RequestContext } from '../context.ts'
import { localUserId } from './localparts.ts'

/** A name in the registry without an account behind it is given out again after this long: whoever reserved it has failed. */
const ABANDONED_AFTER_MS = 60_000

/** An account to create. The localpart has passed the grammar. */
export interface NewAccount extends Omit<RegisterRequest, 'requestId'> {
  readonly localpart: string
  /** The registration token that pays for it, if one is needed. */
  readonly registrationToken?: string | undefined
}

/** An account as it has been created, with the session on its first device if one was asked for. */
export interface CreatedAccount {
  readonly userId: string
  readonly session: LoggedIn | undefined
}

/**
 * Creates an account: its name in the registry, together with one use of the registration token, then the account itself in its object, which
 * has the last word. @throws MatrixError M_USER_IN_USE, M_WEAK_PASSWORD, M_FORBIDDEN for a registration token that is not usable.
 */
export async function createAccount(ctx: RequestContext, account: NewAccount): Promise<CreatedAccount> {
  const { localpart, registrationToken, ...request } = account
  if (request.password !== undefined) checkNewPassword(request.password)
  const userId = localUserId(ctx.config, localpart)
  let reservation = await reserveAccount(ctx.registry, localpart, registrationToken, nowMs())
  if (reservation === 'taken' && (await releaseAbandoned(ctx, localpart))) {
    reservation = await reserveAccount(ctx.registry, localpart, registrationToken, nowMs())
  }
  if (reservation === 'taken') throw userInUse()
  if (reservation === 'token-refused') throw forbidden('The registration token cannot be used')
  const session = unwrap(await ctx.objects.user(userId).register({ ...request, requestId: ctx.requestId }))
  return { userId, session }
}

/** Whether a name can be registered: nobody has it, or whoever reserved it has failed, in which case it is given back here. */
export async function isLocalpartFree(ctx: RequestContext, localpart: string): Promise<boolean> {
  return !(await accountExists(ctx.registry, localpart)) || (await releaseAbandoned(ctx, localpart))
}

/** Gives back a reserved name behind which there is no account, if nobody can still be creating one. Answers whether it is free now. */
async function releaseAbandoned(ctx: RequestContext, localpart: string): Promise<boolean> {
  const row = await findAccount(ctx.registry, localpart)
  if (row === undefined) return true
  if (nowMs() - row.createdTs < ABANDONED_AFTER_MS) return false
  if (await ctx.objects.user(localUserId(ctx.config, localpart)).accountExists()) return false
  await releaseReservation(ctx.registry, localpart, row.createdTs)
  return true
}
