import { rawJson } from '../../../http/json-response.ts'
import { canonicalJson } from '../../../matrix/canonical-json.ts'
import { nowMs } from '../../../runtime/clock.ts'
import { publicEndpoint } from '../endpoint.ts'
import { ownKeyResponse } from './own-keys.ts'

/** `GET /_matrix/key/v2/server` (server-server-api#get_matrixkeyv2server); older servers name a key, which changes nothing. */
export const getKeys = publicEndpoint(
  { method: 'GET', path: '/_matrix/key/v2/server/:keyId?', auth: 'none', rateLimit: 'none' },
  // In canonical form, because there are servers that check the signature over the text as it came.
  ({ ctx }) => rawJson(canonicalJson(ownKeyResponse(ctx.config, nowMs()))),
)
