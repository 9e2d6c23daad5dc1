import type { SignatureFailure, SignedKey } from '../../durable/user/e2ee/upload-signatures.ts'
import { log } from '../../runtime/log.ts'
import { unwrap } from '../../runtime/outcome.ts'
import type { RequestContext } from '../context.ts'
import { usersByPlace } from './local-users.ts'
import { remoteKeys } from './remote-users.ts'

/** How long to wait for other servers' word on the keys that were signed, in milliseconds. */
const REMOTE_TIMEOUT_MS = 10_000

/**
 * Stores signatures (client-server-api#post_matrixclientv3keyssignaturesupload); answers those that were refused. The master keys of other users are fetched
 * from their accounts and servers, because a signature only counts for the key that is published now.
 */
export async function uploadSignatures(ctx: RequestContext, keys: readonly SignedKey[]): Promise<SignatureFailure[]> {
  const own = ctx.claimedUserId
  const otherIds = keys.flatMap(({ userId }) => (userId === own ? [] : [userId]))
  const { existing, remote } = await usersByPlace(ctx, otherIds)
  const masters = new Map(
    await Promise.all(existing.map(async (userId): Promise<[string, string | undefined]> => [userId, await masterKeyOf(ctx, userId)])),
  )
  const fromServers = await remoteKeys(ctx, remote, new Map(), REMOTE_TIMEOUT_MS)
  for (const [userId, { master }] of fromServers.keys) masters.set(userId, master)
  return unwrap(await ctx.session.uploadSignatures(keys.map((key) => ({ ...key, published: masters.get(key.userId) }))))
}

async function masterKeyOf(ctx: RequestContext, userId: string): Promise<string | undefined> {
  try {
    // No device has an empty ID: only the cross-signing keys are of interest.
    return (await ctx.objects.user(userId).publishedKeys([''])).master
  } catch (cause) {
    log.warn('an account could not be asked for its master key', cause)
    return undefined
  }
}
