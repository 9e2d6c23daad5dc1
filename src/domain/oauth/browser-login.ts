import { forbidden } from '../../matrix/errors.ts'
import { unwrap } from '../../runtime/outcome.ts'
import { accountExists } from '../../storage/d1/accounts.ts'
import { localpartOfLogin, localUserId } from '../accounts/localparts.ts'
import { register } from '../accounts/register.ts'
import { refuseUnknown } from '../auth/login.ts'
import type { RequestContext } from '../context.ts'
import type { Browser } from './browser.ts'

/**
 * Logs a browser in with a password, through the same limits as any login; answers its new cookie. @throws MatrixError M_FORBIDDEN, alike for
 * accounts that do not exist and wrong passwords; M_USER_DEACTIVATED, M_USER_LOCKED, M_LIMIT_EXCEEDED.
 */
export async function logInAtBrowser(ctx: RequestContext, user: string, password: string): Promise<string> {
  const localpart = localpartOfLogin(ctx.config, user.trim())
  if (localpart === undefined || !(await accountExists(ctx.registry, localpart))) return refuseUnknown(ctx, user, password)
  const { clientAddress, requestId } = ctx
  return unwrap(await ctx.objects.user(localUserId(ctx.config, localpart)).browserLogin({ password, clientAddress, requestId }))
}

/**
 * Registers an account by the rules that hold for clients too, and logs the browser in. @throws MatrixError M_FORBIDDEN while registration is
 * closed (SECURITY A19) or for a token that cannot be used; M_USER_IN_USE, M_INVALID_USERNAME, M_WEAK_PASSWORD.
 */
export async function registerAtBrowser(
  ctx: RequestContext,
  account: { readonly username: string; readonly password: string; readonly registrationToken: string },
): Promise<string> {
  const { username, password, registrationToken } = account
  const auth =
    ctx.config.registration === 'token' ? { type: 'm.login.registration_token', token: registrationToken } : { type: 'm.login.dummy' }
  const result = await register(ctx, { username: username.trim(), password, auth, device: undefined })
  if ('challenge' in result) throw forbidden('The registration token cannot be used')
  return logInAtBrowser(ctx, result.done.userId, password)
}

/** Logs a browser out. */
export async function logOutAtBrowser(ctx: RequestContext, { cookie, userId }: Browser): Promise<void> {
  if (cookie !== undefined && userId !== undefined) unwrap(await ctx.objects.user(userId).browserLogout(cookie, ctx.requestId))
}
