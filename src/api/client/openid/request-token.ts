import { z } from 'zod'
import { clientPaths } from '../../../http/path.ts'
import { jsonObject } from '../../../http/schema/json.ts'
import { forbidden } from '../../../matrix/errors.ts'
import { nowMs } from '../../../runtime/clock.ts'
import { mintOpenIdToken, OPENID_LIFETIME_SECONDS } from '../../../runtime/openid-token.ts'
import { unwrap } from '../../../runtime/outcome.ts'
import { endpoint } from '../../endpoint.ts'

/** `POST /user/{userId}/openid/request_token` (client-server-api#post_matrixclientv3useruseridopenidrequest_token). */
export const requestOpenIdToken = endpoint(
  {
    method: 'POST',
    path: clientPaths('user/:userId/openid/request_token'),
    auth: 'user',
    rateLimit: 'account',
    params: z.object({ userId: z.string() }),
    body: jsonObject,
    emptyBody: true,
  },
  async ({ params, ctx }) => {
    // The session says whether the token is still valid, and whose it is.
    const { userId } = unwrap(await ctx.session.whoami())
    if (params.userId !== userId) throw forbidden('You can only vouch for yourself')
    return {
      access_token: mintOpenIdToken(ctx.config, ctx.claimedLocalpart ?? '', nowMs()),
      token_type: 'Bearer',
      matrix_server_name: ctx.config.serverName,
      expires_in: OPENID_LIFETIME_SECONDS,
    }
  },
)
