import * as z from 'zod'
import { serveKeys } from '../../../domain/e2ee/serve-keys.ts'
import { rawJson } from '../../../http/json-response.ts'
import { jsonObject } from '../../../http/schema/json.ts'
import type { JsonValue } from '../../../matrix/json.ts'
import { serverEndpoint } from '../endpoint.ts'
import { byUser, MAX_KEYS_BODY_BYTES } from './schema.ts'

/** `POST /_matrix/federation/v1/user/keys/query` (server-server-api#post_matrixfederationv1userkeysquery). */
export const queryUserKeys = serverEndpoint(
  {
    method: 'POST',
    path: '/_matrix/federation/v1/user/keys/query',
    body: z.object({ device_keys: jsonObject }),
    maxBodyBytes: MAX_KEYS_BODY_BYTES,
  },
  async ({ body, origin, ctx }) => rawJson(await serveKeys(ctx, origin.serverName, byUser(body.device_keys, readDeviceIds))),
)

/** What is no list of device IDs asks for all of them, like an empty one. */
function readDeviceIds(value: JsonValue): string[] {
  return Array.isArray(value) ? value.filter((deviceId) => typeof deviceId === 'string') : []
}
