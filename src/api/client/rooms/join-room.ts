import * as z from 'zod'
import { resolveRoom } from '../../../domain/directory/resolve-alias.ts'
import { joinRoom } from '../../../domain/rooms/change-membership.ts'
import { clientPaths } from '../../../http/path.ts'
import { endpoint } from '../../endpoint.ts'
import { reasonBody, viaQuery } from './params.ts'

/** `POST /join/{roomIdOrAlias}` (client-server-api#post_matrixclientv3joinroomidoralias). */
export const joinRoomEndpoint = endpoint(
  {
    method: 'POST',
    path: clientPaths('join/:roomIdOrAlias'),
    auth: 'user',
    rateLimit: 'join',
    params: z.object({ roomIdOrAlias: z.string() }),
    query: viaQuery,
    body: reasonBody,
    emptyBody: true,
  },
  async ({ params, query, body, ctx }) => {
    const { roomId, servers } = await resolveRoom(ctx, params.roomIdOrAlias)
    await joinRoom(ctx, roomId, body.reason, [...query.via, ...query.server_name, ...servers])
    return { room_id: roomId }
  },
)
