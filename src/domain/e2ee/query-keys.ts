import { NO_KEYS, type PublishedKeys, withSignatures } from '../../durable/user/e2ee/query-keys.ts'
import { isJsonObject, type JsonValue } from '../../matrix/json.ts'
import { log } from '../../runtime/log.ts'
import { unwrap } from '../../runtime/outcome.ts'
import type { KeySignatureRow } from '../../storage/user/key-signatures.ts'
import type { RequestContext } from '../context.ts'
import { failuresJson, jsonObjectOf, usersByPlace } from './local-users.ts'

/**
 * Answers `POST /keys/query` as JSON (client-server-api#post_matrixclientv3keysquery): one round trip for each user, in parallel. Users of this server who do
 * not exist look like users without devices.
 */
export async function queryKeys(ctx: RequestContext, wanted: ReadonlyMap<string, readonly string[]>): Promise<string> {
  const own = ctx.claimedUserId
  const { existing, unknown, remote } = await usersByPlace(ctx, [...wanted.keys()])
  const others = existing.filter((userId) => userId !== own)
  const asking = ctx.session.queryKeys(own === undefined ? undefined : wanted.get(own), others)
  const published = await Promise.all(others.map((userId) => publishedKeysOf(ctx, userId, wanted.get(userId) ?? [])))
  const mine = unwrap(await asking)
  const keys = new Map<string, PublishedKeys>()
  for (const userId of unknown) keys.set(userId, NO_KEYS)
  for (const [index, userId] of others.entries()) {
    const found = published[index]
    if (found !== undefined) keys.set(userId, withOwnSignatures(found, mine.signatures, userId, own))
  }
  if (own !== undefined && mine.own !== undefined) keys.set(own, mine.own)
  return renderKeys(keys, failuresJson(remote))
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

function renderKeys(keys: ReadonlyMap<string, PublishedKeys>, failures: string): string {
  const section = (pick: (published: PublishedKeys) => string | undefined): string =>
    jsonObjectOf(
      [...keys].flatMap(([userId, published]): [string, string][] => {
        const json = pick(published)
        return json === undefined ? [] : [[userId, json]]
      }),
    )
  const parts = [
    `"failures":${failures}`,
    `"device_keys":${section(({ devices }) => jsonObjectOf(devices))}`,
    `"master_keys":${section(({ master }) => master)}`,
    `"self_signing_keys":${section(({ selfSigning }) => selfSigning)}`,
    `"user_signing_keys":${section(({ userSigning }) => userSigning)}`,
  ]
  return `{${parts.join(',')}}`
}
