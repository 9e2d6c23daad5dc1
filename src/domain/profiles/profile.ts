import { notFound } from '../../matrix/errors.ts'
import { parseUserId } from '../../matrix/ids/user-id.ts'
import type { JsonObject } from '../../matrix/json.ts'
import { unwrap } from '../../runtime/outcome.ts'
import { accountExists } from '../../storage/d1/accounts.ts'
import type { RequestContext } from '../context.ts'

/** The profile of a user, as everybody may see it. @throws MatrixError M_NOT_FOUND. */
export async function profileOf(ctx: RequestContext, userId: string): Promise<JsonObject> {
  const parts = parseUserId(userId)
  const isLocal = parts !== undefined && parts.serverName === ctx.config.serverName
  if (!isLocal || !(await accountExists(ctx.registry, parts.localpart))) throw notFound('There is no profile of that user')
  return unwrap(await ctx.objects.user(userId).profile())
}
