import { moderateUser } from '../../../domain/rooms/change-membership.ts'
import { clientPaths } from '../../../http/path.ts'
import { endpoint } from '../../endpoint.ts'
import { roomParams, targetBody } from './params.ts'

/** `POST /rooms/{roomId}/kick` (client-server-api#post_matrixclientv3roomsroomidkick). */
export const kickUser = endpoint(
  {
    method: 'POST',
    path: clientPaths('rooms/:roomId/kick'),
    auth: 'user',
    rateLimit: 'write',
    params: roomParams,
    body: targetBody,
  },
  async ({ params, body, ctx }) => {
    await moderateUser(ctx, params.roomId, 'kick', body.user_id, body.reason)
    return {}
  },
)
