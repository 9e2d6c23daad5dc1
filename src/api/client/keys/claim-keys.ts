import * as z from 'zod'
import { claimKeys } from '../../../domain/e2ee/claim-keys.ts'
import type { KeyClaim } from '../../../durable/user/e2ee/claim-keys.ts'
import { rawJson } from '../../../http/json-response.ts'
import { clientPaths } from '../../../http/path.ts'
import { jsonObject } from '../../../http/schema/json.ts'
import { badJson } from '../../../matrix/errors.ts'
import type { JsonValue } from '../../../matrix/json.ts'
import { endpoint } from '../../endpoint.ts'
import { byUser, entriesOf, timeout } from './schema.ts'

/** `POST /keys/claim` (client-server-api#post_matrixclientv3keysclaim). */
export const postKeysClaim = endpoint(
  {
    method: 'POST',
    path: clientPaths('keys/claim'),
    auth: 'user',
    standing: 'unlocked',
    rateLimit: 'write',
    body: z.object({ one_time_keys: jsonObject, timeout }),
  },
  async ({ body, ctx }) => rawJson(await claimKeys(ctx, byUser(body.one_time_keys, readClaims), body.timeout)),
)

function readClaims(value: JsonValue): KeyClaim[] {
  return entriesOf(value, 'one_time_keys').map(([deviceId, algorithm]) => {
    if (typeof algorithm !== 'string') throw badJson('one_time_keys must name one algorithm for each device')
    return { deviceId, algorithm }
  })
}
