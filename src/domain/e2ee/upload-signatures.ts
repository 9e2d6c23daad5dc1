import type { SignatureFailure, SignedKey } from '../../durable/user/e2ee/upload-signatures.ts'
import { log } from '../../runtime/log.ts'
import { unwrap } from '../../runtime/outcome.ts'
import type { RequestContext } from '../context.ts'
import { usersByPlace } from './local-users.ts'

/**
 * Stores signatures (client-server-api#post_matrixclientv3keyssignaturesupload); answers those that were refused. The master keys of other users are fetched
 * from their accounts, because a signature only counts for the key that is published now.
 */
export async function uploadSignatures(ctx: RequestContext, keys: readonly SignedKey[]): Promise<SignatureFailure[]> {
  const own = ctx.claimedUserId
  const otherIds = keys.flatMap(({ userId }) => (userId === own ? [] : [userId]))
  const { existing } = await usersByPlace(ctx, otherIds)
  const masters = new Map(
    await Promise.all(existing.map(async (userId): Promise<[string, string | undefined]> => [userId, await masterKeyOf(ctx, userId)])),
  )
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
