import type { ClaimedKey } from '../../durable/user/e2ee/claim-keys.ts'
import { jsonBody } from '../../federation/outbound/client.ts'
import { outboundOf } from '../../federation/outbound/outbound.ts'
import { OutboundError } from '../../federation/outbound/outbound-error.ts'
import { isJsonObject, type JsonObject } from '../../matrix/json.ts'
import { log } from '../../runtime/log.ts'
import type { RequestContext } from '../context.ts'
import type { ClaimsByUser } from './claim-keys.ts'
import { inParallel } from './in-parallel.ts'
import type { UsersByPlace } from './local-users.ts'
import { MAX_SERVERS, PARALLEL_SERVERS } from './remote-users.ts'

/** Size of an answer. */
const MAX_ANSWER_BYTES = 4 * 1024 * 1024
/** One key in an answer, in characters. */
const MAX_KEY_CHARS = 16 * 1024

/** What could be claimed. */
export interface RemoteClaims {
  readonly claimed: readonly (readonly [userId: string, ClaimedKey[]])[]
  /** Servers that could not be asked. */
  readonly failed: readonly string[]
}

/** Claims keys of users of other servers (server-server-api#post_matrixfederationv1userkeysclaim). What was not asked for is dropped (SECURITY D4). */
export async function claimRemoteKeys(
  ctx: RequestContext,
  remote: UsersByPlace['remote'],
  wanted: ClaimsByUser,
  timeoutMs: number,
): Promise<RemoteClaims> {
  const failed = [...remote.keys()].slice(MAX_SERVERS)
  const claimed = await inParallel(PARALLEL_SERVERS, [...remote].slice(0, MAX_SERVERS), async ([serverName, userIds]) => {
    try {
      const answer = await ask(ctx, serverName, userIds, wanted, timeoutMs)
      return userIds.map((userId) => [userId, keysOf(answer, userId, wanted)] as const)
    } catch (cause) {
      if (!(cause instanceof OutboundError)) throw cause
      log.debug(`${serverName} was not asked for one-time keys: ${cause.message}`)
      failed.push(serverName)
      return []
    }
  })
  return { claimed: claimed.flat(), failed }
}

async function ask(
  ctx: RequestContext,
  serverName: string,
  userIds: readonly string[],
  wanted: ClaimsByUser,
  timeoutMs: number,
): Promise<JsonObject> {
  const claims = (userId: string): JsonObject =>
    Object.fromEntries((wanted.get(userId) ?? []).map(({ deviceId, algorithm }) => [deviceId, algorithm]))
  const canonicalBody = jsonBody({ one_time_keys: Object.fromEntries(userIds.map((userId) => [userId, claims(userId)])) })
  const request = {
    method: 'POST',
    path: '/_matrix/federation/v1/user/keys/claim',
    canonicalBody,
    timeoutMs,
    maxBytes: MAX_ANSWER_BYTES,
  } as const
  const { one_time_keys: keys } = await outboundOf(ctx.env).client.json(serverName, request, 'any')
  if (!isJsonObject(keys)) throw new OutboundError('invalid', 'the answer has no one_time_keys')
  return keys
}

function keysOf(answer: JsonObject, userId: string, wanted: ClaimsByUser): ClaimedKey[] {
  const devices = new Map(Object.entries(answer)).get(userId)
  if (!isJsonObject(devices)) return []
  const byDevice = new Map(Object.entries(devices))
  return (wanted.get(userId) ?? []).flatMap(({ deviceId, algorithm }): ClaimedKey[] => {
    const named = byDevice.get(deviceId)
    const [name, key] = (isJsonObject(named) ? Object.entries(named) : []).find(([id]) => id.startsWith(`${algorithm}:`)) ?? []
    if (name === undefined || (typeof key !== 'string' && !isJsonObject(key))) return []
    const json = JSON.stringify(key)
    return json.length > MAX_KEY_CHARS ? [] : [{ deviceId, algorithm, keyId: name.slice(algorithm.length + 1), key: json }]
  })
}
