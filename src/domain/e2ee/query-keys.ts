import { NO_KEYS, type PublishedKeys, withSignatures } from '../../durable/user/e2ee/query-keys.ts'
import { isJsonObject, type JsonValue } from '../../matrix/json.ts'
import { log } from '../../runtime/log.ts'
import { unwrap } from '../../runtime/outcome.ts'
import type { KeySignatureRow } from '../../storage/user/key-signatures.ts'
import type { RequestContext } from '../context.ts'
import { failuresJson, usersByPlace } from './local-users.ts'
import { mayLookUp } from './look-ups.ts'
import { remoteKeys } from './remote-users.ts'
import { keySections } from './render-keys.ts'

/**
 * Answers `POST /keys/query` as JSON (client-server-api#post_matrixclientv3keysquery): one round trip for each user of this server, all servers in parallel. Users of this
 * server who do not exist, or may not be looked up, look like users without devices.
 * @param timeoutMs how long to wait for other servers.
 */
export async function queryKeys(ctx: RequestContext, wanted: ReadonlyMap<string, readonly string[]>, timeoutMs: number): Promise<string> {
  const own = ctx.claimedUserId
  const { existing, unknown, remote } = await usersByPlace(ctx, [...wanted.keys()])
  const shown = await mayLookUp(ctx, existing)
  const others = existing.filter((userId) => userId !== own && shown.has(userId))
  const remoteIds = [...remote.values()].flat()
  const asking = ctx.session.queryKeys(own === undefined ? undefined : wanted.get(own), [...others, ...remoteIds])
  const [published, fromServers] = await Promise.all([
    Promise.all(others.map((userId) => publishedKeysOf(ctx, userId, wanted.get(userId) ?? []))),
    remoteKeys(ctx, remote, wanted, timeoutMs),
  ])
  const mine = unwrap(await asking)
  const keys = new Map<string, PublishedKeys>()
  for (const userId of unknown) keys.set(userId, NO_KEYS)
  for (const userId of existing) if (userId !== own && !shown.has(userId)) keys.set(userId, NO_KEYS)
  for (const [index, userId] of others.entries()) {
    const found = published[index]
    if (found !== undefined) keys.set(userId, withOwnSignatures(found, mine.signatures, userId, own))
  }
  for (const [userId, found] of fromServers.keys) keys.set(userId, withOwnSignatures(found, mine.signatures, userId, own))
  if (own !== undefined && mine.own !== undefined) keys.set(own, mine.own)
  return `{"failures":${failuresJson(fromServers.failed)},${keySections(keys)}}`
}

/** What another user publishes; nothing at all, so that the client asks again, where their account cannot be reached. */
async function publishedKeysOf(ctx: RequestContext, userId: string, deviceIds: readonly string[]): Promise<PublishedKeys | undefined> {
  try {
    return await ctx.objects.user(userId).publishedKeys(deviceIds)
  } catch (cause) {
    log.warn('an account could not be asked for its keys', cause)
    return undefined
  }
}

function withOwnSignatures(
  keys: PublishedKeys,
  signatures: readonly KeySignatureRow[],
  userId: string,
  signerId: string | undefined,
): PublishedKeys {
  const own = signatures.filter((signature) => signature.userId === userId)
  if (keys.master === undefined || own.length === 0 || signerId === undefined) return keys
  const master: JsonValue = JSON.parse(keys.master)
  const publicKeys = isJsonObject(master) && isJsonObject(master.keys) ? Object.values(master.keys) : []
  const fitting = own.filter(({ target }) => publicKeys.includes(target))
  return { ...keys, master: JSON.stringify(withSignatures(master, signerId, fitting)) }
}
