import * as z from 'zod'
import { serveClaims } from '../../../domain/e2ee/serve-keys.ts'
import type { KeyClaim } from '../../../durable/user/e2ee/claim-keys.ts'
import { rawJson } from '../../../http/json-response.ts'
import { jsonObject } from '../../../http/schema/json.ts'
import { isJsonObject, type JsonValue } from '../../../matrix/json.ts'
import { serverEndpoint } from '../endpoint.ts'
import { byUser, MAX_KEYS_BODY_BYTES } from './schema.ts'

/** `POST /_matrix/federation/v1/user/keys/claim` (server-server-api#post_matrixfederationv1userkeysclaim). */
export const claimUserKeys = serverEndpoint(
  {
    method: 'POST',
    path: '/_matrix/federation/v1/user/keys/claim',
    body: z.object({ one_time_keys: jsonObject }),
    maxBodyBytes: MAX_KEYS_BODY_BYTES,
  },
  async ({ body, origin, ctx }) => rawJson(await serveClaims(ctx, origin.serverName, byUser(body.one_time_keys, readClaims))),
)

function readClaims(value: JsonValue): KeyClaim[] {
  const entries = isJsonObject(value) ? Object.entries(value) : []
  return entries.flatMap(([deviceId, algorithm]) => (typeof algorithm === 'string' ? [{ deviceId, algorithm }] : []))
}
