import { parsePusherRequest } from '../../../domain/push/pusher-request.ts'
import { clientPaths } from '../../../http/path.ts'
import { jsonObject } from '../../../http/schema/json.ts'
import { unwrap } from '../../../runtime/outcome.ts'
import { endpoint } from '../../endpoint.ts'

/** `GET /pushers` (client-server-api#get_matrixclientv3pushers). */
export const getPushers = endpoint({ method: 'GET', path: clientPaths('pushers'), auth: 'user', rateLimit: 'read' }, async ({ ctx }) => ({
  pushers: unwrap(await ctx.session.pushers()),
}))

/** `POST /pushers/set` (client-server-api#post_matrixclientv3pushersset). */
export const setPusher = endpoint(
  { method: 'POST', path: clientPaths('pushers/set'), auth: 'user', standing: 'unlocked', rateLimit: 'write', body: jsonObject },
  async ({ body, ctx }) => {
    const request = parsePusherRequest(body, ctx.config)
    if (request.kind === 'set') unwrap(await ctx.session.setPusher(request.wish, request.append))
    else unwrap(await ctx.session.removePusher(request.appId, request.pushkey))
    return {}
  },
)
