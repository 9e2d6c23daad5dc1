import type { Standing } from '../../durable/user/standing.ts'
import { invalidParam, notFound } from '../../matrix/errors.ts'
import { isUserId } from '../../matrix/ids/user-id.ts'
import { unwrap } from '../../runtime/outcome.ts'
import { accountExists } from '../../storage/d1/accounts.ts'
import { requireAdmin } from '../auth/require-admin.ts'
import type { RequestContext } from '../context.ts'

/**
 * What administrators see and change of an account's standing (client-server-api#server-administration). Who asks is settled before anything
 * is looked up, so that nobody else learns which accounts exist.
 * @throws MatrixError M_FORBIDDEN, M_INVALID_PARAM for users of other servers, M_NOT_FOUND.
 */
export async function administerStanding(ctx: RequestContext, userId: string, change: Partial<Standing>): Promise<Standing> {
  await requireAdmin(ctx)
  const suffix = `:${ctx.config.serverName}`
  if (!isUserId(userId) || !userId.endsWith(suffix)) throw invalidParam('That is not a user of this server')
  if (!(await accountExists(ctx.registry, userId.slice(1, -suffix.length)))) throw notFound('There is no such account')
  return unwrap(await ctx.objects.user(userId).standing(change, ctx.requestId))
}
