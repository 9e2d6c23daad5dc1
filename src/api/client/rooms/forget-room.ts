import { clientPaths } from '../../../http/path.ts'
import { unwrap } from '../../../runtime/outcome.ts'
import { endpoint } from '../../endpoint.ts'
import { roomParams } from './params.ts'

/** `POST /rooms/{roomId}/forget` (client-server-api#post_matrixclientv3roomsroomidforget). */
export const forgetRoom = endpoint(
  { method: 'POST', path: clientPaths('rooms/:roomId/forget'), auth: 'user', standing: 'unlocked', rateLimit: 'write', params: roomParams },
  async ({ params, ctx }) => {
    unwrap(await ctx.session.forgetRoom(params.roomId))
    return {}
  },
)
