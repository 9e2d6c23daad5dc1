import type { ClaimedKey, KeyClaim } from '../../durable/user/e2ee/claim-keys.ts'
import { log } from '../../runtime/log.ts'
import { unwrap } from '../../runtime/outcome.ts'
import type { RequestContext } from '../context.ts'
import { claimRemoteKeys } from './claim-remote-keys.ts'
import { failuresJson, jsonObjectOf, usersByPlace } from './local-users.ts'
import { mayLookUp } from './look-ups.ts'

/** Claims by user. */
export type ClaimsByUser = ReadonlyMap<string, readonly KeyClaim[]>

/**
 * Answers `POST /keys/claim` as JSON (client-server-api#post_matrixclientv3keysclaim). The requester is admitted before any key is spent. A key that was spent
 * for an answer that got lost stays spent: none is ever handed out twice.
 * @param timeoutMs how long to wait for other servers.
 */
export async function claimKeys(ctx: RequestContext, wanted: ClaimsByUser, timeoutMs: number): Promise<string> {
  const own = ctx.claimedUserId ?? ''
  const { existing, remote } = await usersByPlace(ctx, [...wanted.keys()])
  const mine = unwrap(await ctx.session.claimKeys(wanted.get(own) ?? []))
  const shown = await mayLookUp(ctx, existing)
  const others = new Map(existing.flatMap((userId) => (userId === own || !shown.has(userId) ? [] : [[userId, wanted.get(userId) ?? []]])))
  const [claimed, fromServers] = await Promise.all([claimFromAll(ctx, others), claimRemoteKeys(ctx, remote, wanted, timeoutMs)])
  const users = [[own, mine] as const, ...claimed, ...fromServers.claimed]
  return `{"failures":${failuresJson(fromServers.failed)},"one_time_keys":${claimedJson(users)}}`
}

/** Claims keys of users of this server, whose accounts exist, in parallel. */
export async function claimFromAll(ctx: RequestContext, wanted: ClaimsByUser): Promise<(readonly [userId: string, ClaimedKey[]])[]> {
  return await Promise.all([...wanted].map(async ([userId, claims]) => [userId, await claimFrom(ctx, userId, claims)] as const))
}

async function claimFrom(ctx: RequestContext, userId: string, claims: readonly KeyClaim[]): Promise<ClaimedKey[]> {
  try {
    return await ctx.objects.user(userId).claimKeys(claims, ctx.requestId)
  } catch (cause) {
    log.warn('an account could not be asked for one-time keys', cause)
    return []
  }
}

/** `one_time_keys` of an answer, as JSON. Users without keys are left out. */
export function claimedJson(claimed: readonly (readonly [userId: string, keys: readonly ClaimedKey[]])[]): string {
  const users = claimed.filter(([, keys]) => keys.length > 0)
  return jsonObjectOf(users.map(([userId, keys]) => [userId, devicesJson(keys)]))
}

function devicesJson(keys: readonly ClaimedKey[]): string {
  const devices = new Map<string, [string, string][]>()
  for (const { deviceId, algorithm, keyId, key } of keys) {
    devices.set(deviceId, [...(devices.get(deviceId) ?? []), [`${algorithm}:${keyId}`, key]])
  }
  return jsonObjectOf([...devices].map(([deviceId, named]) => [deviceId, jsonObjectOf(named)]))
}
