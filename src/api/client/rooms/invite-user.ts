import { inviteUser } from '../../../domain/rooms/change-membership.ts'
import { clientPaths } from '../../../http/path.ts'
import { endpoint } from '../../endpoint.ts'
import { roomParams, targetBody } from './params.ts'

/** `POST /rooms/{roomId}/invite` (client-server-api#post_matrixclientv3roomsroomidinvite). */
export const inviteUserEndpoint = endpoint(
  {
    method: 'POST',
    path: clientPaths('rooms/:roomId/invite'),
    auth: 'user',
    rateLimit: 'invite',
    params: roomParams,
    body: targetBody,
  },
  async ({ params, body, ctx }) => {
    await inviteUser(ctx, params.roomId, body.user_id, body.reason)
    return {}
  },
)
