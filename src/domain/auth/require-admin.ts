import { forbidden } from '../../matrix/errors.ts'
import { unwrap } from '../../runtime/outcome.ts'
import type { RequestContext } from '../context.ts'

/** The user ID of the caller, who is an administrator. @throws MatrixError M_FORBIDDEN for everybody else. */
export async function requireAdmin(ctx: RequestContext): Promise<string> {
  if (!unwrap(await ctx.session.isAdmin())) throw forbidden('You are not an administrator of this server')
  return ctx.claimedUserId ?? ''
}
