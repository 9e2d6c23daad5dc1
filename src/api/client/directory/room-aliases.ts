import { aliasesOfRoom } from '../../../domain/directory/aliases.ts'
import { clientPaths } from '../../../http/path.ts'
import { endpoint } from '../../endpoint.ts'
import { roomParams } from '../rooms/params.ts'

/** `GET /rooms/{roomId}/aliases` (client-server-api#get_matrixclientv3roomsroomidaliases). */
export const getRoomAliases = endpoint(
  { method: 'GET', path: clientPaths('rooms/:roomId/aliases'), auth: 'user', rateLimit: 'read', params: roomParams },
  async ({ params, ctx }) => ({ aliases: await aliasesOfRoom(ctx, params.roomId) }),
)
