import { forbidden, invalidParam, MatrixError, notFound } from '../../matrix/errors.ts'
import { parseUserId } from '../../matrix/ids/user-id.ts'
import type { JsonObject } from '../../matrix/json.ts'
import type { MemberProfile } from '../../matrix/room-creation/room-plan.ts'
import { accountExists } from '../../storage/d1/accounts.ts'
import type { RequestContext } from '../context.ts'

/** Look-ups of users at once. */
const PARALLEL_LOOKUPS = 16

/** Where a user ID belongs. @throws MatrixError M_INVALID_PARAM for what is no user ID. */
export function serverOfUser(userId: string): string {
  const parts = parseUserId(userId)
  if (parts === undefined) throw invalidParam(`${JSON.stringify(userId)} is not a user ID`)
  return parts.serverName
}

/**
 * Refuses users of this server who do not exist: a membership event about one would name an object, which creates it.
 * @throws MatrixError M_NOT_FOUND, or M_INVALID_PARAM for what is no user ID.
 */
export async function requireExistingUser(ctx: RequestContext, userId: string): Promise<void> {
  if (serverOfUser(userId) !== ctx.config.serverName) return
  if (!(await accountExists(ctx.registry, parseUserId(userId)?.localpart ?? ''))) throw notFound(`${userId} does not exist`)
}

/**
 * What an invitation by the caller says about the invited user, whom the invited user lets invite them.
 * @throws MatrixError M_NOT_FOUND for users who do not exist; M_INVITE_BLOCKED; M_FORBIDDEN for users of other servers, who cannot be reached yet.
 */
export async function invitedProfile(ctx: RequestContext, userId: string): Promise<MemberProfile> {
  if (serverOfUser(userId) !== ctx.config.serverName)
    throw forbidden('Users of other servers cannot be invited: this server does not federate')
  await requireExistingUser(ctx, userId)
  const outcome = await ctx.objects.user(userId).invitedBy(ctx.claimedUserId ?? '')
  // A deactivated account has no profile; whatever else keeps it from saying whom it lets invite keeps the invitation back.
  if (!outcome.ok && outcome.error.errcode !== 'M_NOT_FOUND') throw MatrixError.fromShape(outcome.error)
  return outcome.ok ? memberProfileOf(outcome.value) : {}
}

/** {@link invitedProfile} of several users, in the same order. */
export async function invitedProfiles(
  ctx: RequestContext,
  userIds: readonly string[],
): Promise<{ readonly userId: string; readonly profile: MemberProfile }[]> {
  const found: { readonly userId: string; readonly profile: MemberProfile }[] = []
  for (let start = 0; start < userIds.length; start += PARALLEL_LOOKUPS) {
    const slice = userIds.slice(start, start + PARALLEL_LOOKUPS)
    const profiles = await Promise.all(slice.map((userId) => invitedProfile(ctx, userId)))
    for (const [index, userId] of slice.entries()) found.push({ userId, profile: profiles[index] ?? {} })
  }
  return found
}

function memberProfileOf({ displayname, avatar_url }: JsonObject): MemberProfile {
  return {
    ...(typeof displayname === 'string' ? { displayname } : {}),
    ...(typeof avatar_url === 'string' ? { avatar_url } : {}),
  }
}
