import * as z from 'zod'
import { resolveRoom } from '../../../domain/directory/resolve-alias.ts'
import { joinRoom } from '../../../domain/rooms/change-membership.ts'
import { clientPaths } from '../../../http/path.ts'
import { jsonObject } from '../../../http/schema/json.ts'
import { endpoint } from '../../endpoint.ts'
import { viaQuery } from './params.ts'

/** `POST /join/{roomIdOrAlias}` (client-server-api#post_matrixclientv3joinroomidoralias). */
export const joinRoomEndpoint = endpoint(
  {
    method: 'POST',
    path: clientPaths('join/:roomIdOrAlias'),
    auth: 'user',
    rateLimit: 'join',
    params: z.object({ roomIdOrAlias: z.string() }),
    query: viaQuery,
    // Clients put what they want into the event, beside `reason`.
    body: jsonObject.refine(({ reason }) => reason === undefined || typeof reason === 'string', 'reason must be a string'),
    emptyBody: true,
    numbers: 'integers',
  },
  async ({ params, query, body, ctx }) => {
    const { roomId, servers } = await resolveRoom(ctx, params.roomIdOrAlias)
    const { third_party_signed: _invitation, membership: _membership, ...content } = body
    await joinRoom(ctx, roomId, content, [...query.via, ...query.server_name, ...servers])
    return { room_id: roomId }
  },
)
