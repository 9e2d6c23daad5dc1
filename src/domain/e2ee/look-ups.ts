import { notFound } from '../../matrix/errors.ts'
import { parseUserId } from '../../matrix/ids/user-id.ts'
import { unwrap } from '../../runtime/outcome.ts'
import { accountExists } from '../../storage/d1/accounts.ts'
import type { RequestContext } from '../context.ts'

/**
 * Those of some users whom the requester may look up (SECURITY D12): all of them, or where the server is so configured themselves and whom they share a room with. A
 * room that does not answer shows nobody.
 */
export async function mayLookUp(ctx: RequestContext, userIds: readonly string[]): Promise<ReadonlySet<string>> {
  if (ctx.config.userLookups === 'anyone') return new Set(userIds)
  const own = ctx.claimedUserId
  const others = userIds.filter((userId) => userId !== own)
  const known = others.length === 0 ? [] : unwrap(await ctx.session.acquaintances(others))
  return new Set([...userIds.filter((userId) => userId === own), ...known.map(({ userId }) => userId)])
}

/**
 * Refuses to show a user of this server to somebody who may not look them up, in the words for users who do not exist.
 * @throws MatrixError M_NOT_FOUND; M_MISSING_TOKEN where the server is so configured and the request has no token.
 */
export async function requireLookUp(ctx: RequestContext, userId: string): Promise<void> {
  if (ctx.config.userLookups === 'anyone' || parseUserId(userId)?.serverName !== ctx.config.serverName) return
  // Asked before anything else: that the token is still valid is known only from an answer.
  unwrap(await ctx.session.whoami())
  if (!(await mayLookUp(ctx, [userId])).has(userId)) throw notFound('There is no profile of that user')
}

/** Whether another server may look up a user of this one, whose account exists. */
export async function serverMayLookUp(ctx: RequestContext, serverName: string, userId: string): Promise<boolean> {
  return ctx.config.userLookups === 'anyone' || (await ctx.objects.user(userId).sharesRoomWith(serverName))
}

/** Refuses to show a user to another server that may not look them up, in the words for users who do not exist. @throws MatrixError M_NOT_FOUND. */
export async function requireServerLookUp(ctx: RequestContext, serverName: string, userId: string): Promise<void> {
  if (ctx.config.userLookups === 'anyone') return
  const parts = parseUserId(userId)
  const isHere = parts?.serverName === ctx.config.serverName && (await accountExists(ctx.registry, parts.localpart))
  if (!isHere || !(await serverMayLookUp(ctx, serverName, userId))) throw notFound('There is no profile of that user')
}
