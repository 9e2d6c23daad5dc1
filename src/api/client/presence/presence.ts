import * as z from 'zod'
import { clientPaths } from '../../../http/path.ts'
import { userId } from '../../../http/schema/ids.ts'
import { forbidden, invalidParam } from '../../../matrix/errors.ts'
import { MAX_STATUS_CHARS, PRESENCE_STATES } from '../../../matrix/presence.ts'
import { unwrap } from '../../../runtime/outcome.ts'
import { endpoint } from '../../endpoint.ts'

const params = z.object({ userId })
const path = clientPaths('presence/:userId/status')

/** `GET /presence/{userId}/status` (client-server-api#get_matrixclientv3presenceuseridstatus). */
export const getPresence = endpoint({ method: 'GET', path, auth: 'user', rateLimit: 'read', params }, async ({ params, ctx }) =>
  unwrap(await ctx.session.presenceOf(params.userId)),
)

/** `PUT /presence/{userId}/status` (client-server-api#put_matrixclientv3presenceuseridstatus). */
export const putPresence = endpoint(
  {
    method: 'PUT',
    path,
    auth: 'user',
    // Setting it is no other activity than it says: not of the classes that count as one.
    rateLimit: 'write',
    params,
    body: z.object({ presence: z.enum(PRESENCE_STATES), status_msg: z.string().nullish() }),
  },
  async ({ params, body, ctx }) => {
    // The name in the path grants nothing: whose presence is set, the session decides.
    if (params.userId !== ctx.claimedUserId) throw forbidden('You can set only your own presence')
    const statusMsg = body.status_msg ?? undefined
    if (statusMsg !== undefined && statusMsg.length > MAX_STATUS_CHARS) throw invalidParam('The status message is too long')
    unwrap(await ctx.session.setPresence(body.presence, statusMsg === '' ? undefined : statusMsg))
    return {}
  },
)
