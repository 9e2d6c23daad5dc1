import { joinRoom } from '../../../domain/rooms/change-membership.ts'
import { requireRoomId } from '../../../domain/rooms/room-names.ts'
import { clientPaths } from '../../../http/path.ts'
import { endpoint } from '../../endpoint.ts'
import { reasonBody, roomParams } from './params.ts'

/** `POST /rooms/{roomId}/join` (client-server-api#post_matrixclientv3roomsroomidjoin). */
export const joinRoomById = endpoint(
  {
    method: 'POST',
    path: clientPaths('rooms/:roomId/join'),
    auth: 'user',
    rateLimit: 'join',
    params: roomParams,
    body: reasonBody,
    emptyBody: true,
  },
  async ({ params, body, ctx }) => {
    const roomId = requireRoomId(params.roomId)
    await joinRoom(ctx, roomId, body.reason === undefined ? {} : { reason: body.reason })
    return { room_id: roomId }
  },
)
