import { outboundOf } from '../../federation/outbound/outbound.ts'
import { clientError } from '../../federation/outbound/outbound-error.ts'
import { notFound } from '../../matrix/errors.ts'
import { parseUserId } from '../../matrix/ids/user-id.ts'
import type { JsonObject } from '../../matrix/json.ts'
import { unwrap } from '../../runtime/outcome.ts'
import { accountExists } from '../../storage/d1/accounts.ts'
import type { RequestContext } from '../context.ts'

/** A question to another server about a profile, in milliseconds. */
const PROFILE_TIMEOUT_MS = 15_000
/** A profile has at most 64 KiB. */
const MAX_PROFILE_ANSWER_BYTES = 128 * 1024

/** The profile of a user of any server, as everybody may see it. @throws MatrixError M_NOT_FOUND, and what {@link clientError} makes of other servers. */
export async function profileOf(ctx: RequestContext, userId: string): Promise<JsonObject> {
  const serverName = parseUserId(userId)?.serverName
  if (serverName === undefined) throw notFound('There is no profile of that user')
  return serverName === ctx.config.serverName ? profileOfOwnUser(ctx, userId) : profileOfRemoteUser(ctx, serverName, userId)
}

/** The profile of a user of this server. @throws MatrixError M_NOT_FOUND. */
export async function profileOfOwnUser(ctx: RequestContext, userId: string): Promise<JsonObject> {
  const parts = parseUserId(userId)
  const isLocal = parts !== undefined && parts.serverName === ctx.config.serverName
  if (!isLocal || !(await accountExists(ctx.registry, parts.localpart))) throw notFound('There is no profile of that user')
  return unwrap(await ctx.objects.user(userId).profile())
}

/** `GET /query/profile` of another server (server-server-api#get_matrixfederationv1queryprofile). */
async function profileOfRemoteUser(ctx: RequestContext, serverName: string, userId: string): Promise<JsonObject> {
  const path = `/_matrix/federation/v1/query/profile?user_id=${encodeURIComponent(userId)}`
  try {
    const request = { method: 'GET', path, timeoutMs: PROFILE_TIMEOUT_MS, maxBytes: MAX_PROFILE_ANSWER_BYTES } as const
    const profile = await outboundOf(ctx.env).client.json(serverName, request, 'any')
    // Names and avatars are texts whatever the other server says.
    return Object.fromEntries(
      Object.entries(profile).filter(([name, value]) => (name !== 'displayname' && name !== 'avatar_url') || typeof value === 'string'),
    )
  } catch (cause) {
    throw clientError(cause, 'The server of that user')
  }
}
