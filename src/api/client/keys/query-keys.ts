import * as z from 'zod'
import { queryKeys } from '../../../domain/e2ee/query-keys.ts'
import { rawJson } from '../../../http/json-response.ts'
import { clientPaths } from '../../../http/path.ts'
import { jsonObject } from '../../../http/schema/json.ts'
import { badJson } from '../../../matrix/errors.ts'
import type { JsonValue } from '../../../matrix/json.ts'
import { endpoint } from '../../endpoint.ts'
import { byUser, timeout } from './schema.ts'

/** Devices of one user that a request may name. */
const MAX_DEVICES = 1_000

/** `POST /keys/query` (client-server-api#post_matrixclientv3keysquery). */
export const postKeysQuery = endpoint(
  {
    method: 'POST',
    path: clientPaths('keys/query'),
    auth: 'user',
    standing: 'unlocked',
    rateLimit: 'read',
    body: z.object({ device_keys: jsonObject, timeout }),
  },
  async ({ body, ctx }) => rawJson(await queryKeys(ctx, byUser(body.device_keys, readDeviceIds), body.timeout)),
)

function readDeviceIds(value: JsonValue): string[] {
  if (!Array.isArray(value) || value.length > MAX_DEVICES) throw badJson('device_keys must be lists of device IDs')
  return value.map((deviceId) => {
    if (typeof deviceId !== 'string') throw badJson('device_keys must be lists of device IDs')
    return deviceId
  })
}
