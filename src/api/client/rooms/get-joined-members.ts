import { readableRoom } from '../../../domain/rooms/access.ts'
import { rawJson } from '../../../http/json-response.ts'
import { clientPaths } from '../../../http/path.ts'
import { unwrap } from '../../../runtime/outcome.ts'
import { endpoint } from '../../endpoint.ts'
import { roomParams } from './params.ts'

/** `GET /rooms/{roomId}/joined_members` (client-server-api#get_matrixclientv3roomsroomidjoined_members). */
export const getJoinedMembers = endpoint(
  { method: 'GET', path: clientPaths('rooms/:roomId/joined_members'), auth: 'user', rateLimit: 'read', params: roomParams },
  async ({ params, ctx }) => {
    const caller = await readableRoom(ctx, params.roomId)
    return rawJson(unwrap(await ctx.objects.room(params.roomId).joinedMembers(caller)))
  },
)
