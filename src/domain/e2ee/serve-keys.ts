import type { KeyClaim } from '../../durable/user/e2ee/claim-keys.ts'
import { NO_KEYS, type PublishedKeys } from '../../durable/user/e2ee/query-keys.ts'
import { notFound } from '../../matrix/errors.ts'
import { isJsonObject, type JsonObject, type JsonValue } from '../../matrix/json.ts'
import type { RequestContext } from '../context.ts'
import { claimedJson, claimFromAll } from './claim-keys.ts'
import { inParallel } from './in-parallel.ts'
import { usersByPlace } from './local-users.ts'
import { serverMayLookUp } from './look-ups.ts'
import { keySections } from './render-keys.ts'

/** Users of this server asked at once for one request. */
const PARALLEL_USERS = 32

/**
 * Answers `POST /user/keys/query` of another server as JSON (server-server-api#post_matrixfederationv1userkeysquery). Users who do not exist, or may not be looked up (SECURITY
 * D12), look like users without devices; users of other servers are left out.
 */
export async function serveKeys(ctx: RequestContext, serverName: string, wanted: ReadonlyMap<string, readonly string[]>): Promise<string> {
  const { existing, unknown } = await usersByPlace(ctx, [...wanted.keys()])
  const keys = new Map<string, PublishedKeys>(unknown.map((userId) => [userId, NO_KEYS]))
  await inParallel(PARALLEL_USERS, existing, async (userId) => {
    const shown = await serverMayLookUp(ctx, serverName, userId)
    const found = shown ? (await ctx.objects.user(userId).keysForServer(wanted.get(userId) ?? [])).keys : NO_KEYS
    keys.set(userId, found)
  })
  return `{${keySections(keys)}}`
}

/** Answers `POST /user/keys/claim` of another server as JSON (server-server-api#post_matrixfederationv1userkeysclaim, SECURITY D6). */
export async function serveClaims(
  ctx: RequestContext,
  serverName: string,
  wanted: ReadonlyMap<string, readonly KeyClaim[]>,
): Promise<string> {
  const { existing } = await usersByPlace(ctx, [...wanted.keys()])
  const shown = await inParallel(PARALLEL_USERS, existing, (userId) => serverMayLookUp(ctx, serverName, userId))
  const claims = existing.flatMap((userId, index) => (shown[index] ? [[userId, wanted.get(userId) ?? []] as const] : []))
  return `{"one_time_keys":${claimedJson(await claimFromAll(ctx, new Map(claims)))}}`
}

/**
 * Answers `GET /user/devices/{userId}` of another server (server-server-api#get_matrixfederationv1userdevicesuserid).
 * @throws MatrixError M_NOT_FOUND for users who are not here, are no more, or may not be looked up.
 */
export async function serveDevices(ctx: RequestContext, serverName: string, userId: string): Promise<JsonObject> {
  const { existing } = await usersByPlace(ctx, [userId])
  const isShown = existing.length > 0 && (await serverMayLookUp(ctx, serverName, userId))
  const found = isShown ? await ctx.objects.user(userId).keysForServer([]) : undefined
  if (found?.active !== true) throw notFound('There is no such user here')
  const { keys, stream } = found
  return {
    user_id: userId,
    stream_id: stream,
    devices: keys.devices.map(([deviceId, json]) => deviceOf(deviceId, JSON.parse(json))),
    ...(keys.master === undefined ? {} : { master_key: objectOf(keys.master) }),
    ...(keys.selfSigning === undefined ? {} : { self_signing_key: objectOf(keys.selfSigning) }),
  }
}

function deviceOf(deviceId: string, value: JsonValue): JsonObject {
  const { unsigned, ...keys } = isJsonObject(value) ? value : {}
  const name = isJsonObject(unsigned) ? unsigned.device_display_name : undefined
  return { device_id: deviceId, keys, ...(name === undefined ? {} : { device_display_name: name }) }
}

function objectOf(json: string): JsonObject {
  const value: JsonValue = JSON.parse(json)
  return isJsonObject(value) ? value : {}
}
