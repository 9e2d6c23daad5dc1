import { leaveRoom } from '../../../domain/rooms/change-membership.ts'
import { clientPaths } from '../../../http/path.ts'
import { endpoint } from '../../endpoint.ts'
import { reasonBody, roomParams } from './params.ts'

/** `POST /rooms/{roomId}/leave` (client-server-api#post_matrixclientv3roomsroomidleave). */
export const leaveRoomEndpoint = endpoint(
  {
    method: 'POST',
    path: clientPaths('rooms/:roomId/leave'),
    auth: 'user',
    standing: 'unlocked',
    rateLimit: 'write',
    params: roomParams,
    body: reasonBody,
    emptyBody: true,
  },
  async ({ params, body, ctx }) => {
    await leaveRoom(ctx, params.roomId, body.reason)
    return {}
  },
)
