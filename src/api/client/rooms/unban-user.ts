import { moderateUser } from '../../../domain/rooms/change-membership.ts'
import { clientPaths } from '../../../http/path.ts'
import { endpoint } from '../../endpoint.ts'
import { roomParams, targetBody } from './params.ts'

/** `POST /rooms/{roomId}/unban` (client-server-api#post_matrixclientv3roomsroomidunban). */
export const unbanUser = endpoint(
  {
    method: 'POST',
    path: clientPaths('rooms/:roomId/unban'),
    auth: 'user',
    rateLimit: 'write',
    params: roomParams,
    body: targetBody,
  },
  async ({ params, body, ctx }) => {
    await moderateUser(ctx, params.roomId, 'unban', body.user_id, body.reason)
    return {}
  },
)
