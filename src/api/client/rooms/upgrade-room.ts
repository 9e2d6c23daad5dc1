import * as z from 'zod'
import { upgradeRoom } from '../../../domain/rooms/upgrade-room.ts'
import { clientPaths } from '../../../http/path.ts'
import { endpoint } from '../../endpoint.ts'
import { roomParams } from './params.ts'

/** `POST /rooms/{roomId}/upgrade` (client-server-api#post_matrixclientv3roomsroomidupgrade). */
export const upgradeRoomEndpoint = endpoint(
  {
    method: 'POST',
    path: clientPaths('rooms/:roomId/upgrade'),
    auth: 'user',
    rateLimit: 'create-room',
    params: roomParams,
    body: z.object({ new_version: z.string(), additional_creators: z.array(z.string()).max(100).default([]) }),
  },
  async ({ params, body, ctx }) => ({
    replacement_room: await upgradeRoom(ctx, params.roomId, body.new_version, body.additional_creators),
  }),
)
