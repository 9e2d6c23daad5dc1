import { nowMs } from '../../../runtime/clock.ts'
import { publicEndpoint } from '../endpoint.ts'
import { ownKeyResponse } from './own-keys.ts'

/** `GET /_matrix/key/v2/server` (server-server-api#get_matrixkeyv2server); older servers name a key, which changes nothing. */
export const getKeys = publicEndpoint(
  { method: 'GET', path: '/_matrix/key/v2/server/:keyId?', auth: 'none', rateLimit: 'none' },
  ({ ctx }) => ownKeyResponse(ctx.config, nowMs()),
)
