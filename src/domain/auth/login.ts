import { wrongCredentials } from '../../durable/user/accounts.ts'
import type { DeviceWish, LoggedIn } from '../../durable/user/devices.ts'
import { verifyPassword } from '../../durable/user/password-hash.ts'
import { Buckets } from '../../http/rate-limit.ts'
import { limitExceeded } from '../../matrix/errors.ts'
import { nowMs } from '../../runtime/clock.ts'
import { unwrap } from '../../runtime/outcome.ts'
import { accountExists } from '../../storage/d1/accounts.ts'
import { localpartOfLogin, localUserId } from '../accounts/localparts.ts'
import type { RequestContext } from '../context.ts'

/** What the attempts on one name that does not exist are limited to in this isolate, as they are for accounts that do. */
const UNKNOWN_NAME_ATTEMPTS = { burst: 10, perSecond: 1 / 60 }
const unknownNames = new Buckets(2_000)

/** A session on a device of an account. */
export interface Session extends LoggedIn {
  readonly userId: string
}

/**
 * Logs in with a password (client-server-api#post_matrixclientv3login).
 * @param user localpart or full ID.
 * @throws MatrixError M_FORBIDDEN, alike for accounts that do not exist and wrong passwords; M_USER_DEACTIVATED, M_LIMIT_EXCEEDED.
 */
export async function logInWithPassword(ctx: RequestContext, user: string, password: string, device: DeviceWish): Promise<Session> {
  const localpart = localpartOfLogin(ctx.config, user)
  if (localpart === undefined || !(await accountExists(ctx.registry, localpart))) return refuseUnknown(ctx, user, password)
  const userId = localUserId(ctx.config, localpart)
  const login = unwrap(await ctx.objects.user(userId).login({ password, device, requestId: ctx.requestId }))
  return { userId, ...login }
}

/** Refuses as an account would: after the same limits and the same work (SECURITY A15, O12). The object is never named. */
export async function refuseUnknown(ctx: RequestContext, user: string, password: string): Promise<never> {
  if (ctx.config.rateLimits) {
    const waitMs = unknownNames.take(`${user} ${ctx.clientAddress}`, UNKNOWN_NAME_ATTEMPTS, nowMs())
    if (waitMs > 0) throw limitExceeded(waitMs)
  }
  await verifyPassword(password, undefined)
  throw wrongCredentials()
}
