import { z } from 'zod'
import { unknownToken } from '../../../matrix/errors.ts'
import { nowMs } from '../../../runtime/clock.ts'
import { readOpenIdToken } from '../../../runtime/openid-token.ts'
import { findAccount } from '../../../storage/d1/accounts.ts'
import { publicEndpoint } from '../endpoint.ts'

/** `GET /_matrix/federation/v1/openid/userinfo` (server-server-api#get_matrixfederationv1openiduserinfo): anybody who holds the token may ask. */
export const getUserInfo = publicEndpoint(
  {
    method: 'GET',
    path: '/_matrix/federation/v1/openid/userinfo',
    auth: 'none',
    rateLimit: 'read',
    query: z.object({ access_token: z.string() }),
  },
  async ({ query, ctx }) => {
    const localpart = readOpenIdToken(ctx.config, query.access_token, nowMs())
    const account = localpart === undefined ? undefined : await findAccount(ctx.registry, localpart)
    if (account === undefined || account.deactivated) throw unknownToken()
    return { sub: `@${account.localpart}:${ctx.config.serverName}` }
  },
)
