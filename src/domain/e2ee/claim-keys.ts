import type { ClaimedKey, KeyClaim } from '../../durable/user/e2ee/claim-keys.ts'
import { log } from '../../runtime/log.ts'
import { unwrap } from '../../runtime/outcome.ts'
import type { RequestContext } from '../context.ts'
import { failuresJson, jsonObjectOf, usersByPlace } from './local-users.ts'

/**
 * Answers `POST /keys/claim` as JSON (client-server-api#post_matrixclientv3keysclaim). The requester is admitted before any key is spent. A key that was spent
 * for an answer that got lost stays spent: none is ever handed out twice.
 */
export async function claimKeys(ctx: RequestContext, wanted: ReadonlyMap<string, readonly KeyClaim[]>): Promise<string> {
  const own = ctx.claimedUserId ?? ''
  const { existing, remote } = await usersByPlace(ctx, [...wanted.keys()])
  const claimed = new Map([[own, unwrap(await ctx.session.claimKeys(wanted.get(own) ?? []))]])
  const others = existing.filter((userId) => userId !== own)
  const answers = await Promise.all(others.map((userId) => claimFrom(ctx, userId, wanted.get(userId) ?? [])))
  for (const [index, userId] of others.entries()) claimed.set(userId, answers[index] ?? [])
  const users = [...claimed].filter(([, keys]) => keys.length > 0)
  return `{"failures":${failuresJson(remote)},"one_time_keys":${jsonObjectOf(users.map(([userId, keys]) => [userId, devicesJson(keys)]))}}`
}

async function claimFrom(ctx: RequestContext, userId: string, claims: readonly KeyClaim[]): Promise<ClaimedKey[]> {
  try {
    return await ctx.objects.user(userId).claimKeys(claims, ctx.requestId)
  } catch (cause) {
    log.warn('an account could not be asked for one-time keys', cause)
    return []
  }
}

function devicesJson(keys: readonly ClaimedKey[]): string {
  return jsonObjectOf(keys.map((key) => [key.deviceId, jsonObjectOf([[`${key.algorithm}:${key.keyId}`, key.key]])]))
}
