import type { FindRequestKey } from '../../http/server-authentication.ts'
import { openRegistry } from '../../storage/d1/open.ts'
import { outboundOf } from '../outbound/outbound.ts'

/** Finds the keys by which other servers sign their requests. */
export const findRequestKey: FindRequestKey = (env, requestId, serverName, keyId) =>
  outboundOf(env).keys.requestKey(openRegistry(env, requestId), serverName, keyId)
