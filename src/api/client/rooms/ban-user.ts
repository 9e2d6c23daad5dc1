import { moderateUser } from '../../../domain/rooms/change-membership.ts'
import { clientPaths } from '../../../http/path.ts'
import { endpoint } from '../../endpoint.ts'
import { roomParams, targetBody } from './params.ts'

/** `POST /rooms/{roomId}/ban` (client-server-api#post_matrixclientv3roomsroomidban). */
export const banUser = endpoint(
  {
    method: 'POST',
    path: clientPaths('rooms/:roomId/ban'),
    auth: 'user',
    rateLimit: 'write',
    params: roomParams,
    body: targetBody,
  },
  async ({ params, body, ctx }) => {
    await moderateUser(ctx, params.roomId, 'ban', body.user_id, body.reason)
    return {}
  },
)
