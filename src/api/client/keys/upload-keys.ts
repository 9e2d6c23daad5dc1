import * as z from 'zod'
import { rawJson } from '../../../http/json-response.ts'
import { clientPaths } from '../../../http/path.ts'
import { unwrap } from '../../../runtime/outcome.ts'
import { endpoint } from '../../endpoint.ts'
import { optionalObject } from './schema.ts'

/** `POST /keys/upload` (client-server-api#post_matrixclientv3keysupload). */
export const postKeysUpload = endpoint(
  {
    method: 'POST',
    path: clientPaths('keys/upload'),
    auth: 'user',
    standing: 'unlocked',
    rateLimit: 'write',
    body: z.object({
      device_keys: optionalObject,
      one_time_keys: optionalObject,
      fallback_keys: optionalObject,
      'org.matrix.msc2732.fallback_keys': optionalObject,
    }),
    numbers: 'integers',
  },
  async ({ body, ctx }) => {
    const fallbackKeys = body.fallback_keys ?? body['org.matrix.msc2732.fallback_keys']
    const counts = unwrap(await ctx.session.uploadKeys({ deviceKeys: body.device_keys, oneTimeKeys: body.one_time_keys, fallbackKeys }))
    return rawJson(`{"one_time_key_counts":${counts}}`)
  },
)
