import * as z from 'zod'
import { createAlias, removeAlias } from '../../../domain/directory/aliases.ts'
import { resolveAlias } from '../../../domain/directory/resolve-alias.ts'
import { clientPaths } from '../../../http/path.ts'
import { endpoint } from '../../endpoint.ts'

const PATH = clientPaths('directory/room/:roomAlias')
const params = z.object({ roomAlias: z.string() })

/** `GET /directory/room/{roomAlias}` (client-server-api#get_matrixclientv3directoryroomroomalias). */
export const getRoomAlias = endpoint({ method: 'GET', path: PATH, auth: 'none', rateLimit: 'read', params }, async ({ params, ctx }) => {
  const { roomId, servers } = await resolveAlias(ctx, params.roomAlias)
  return { room_id: roomId, servers }
})

/** `PUT /directory/room/{roomAlias}` (client-server-api#put_matrixclientv3directoryroomroomalias). */
export const putRoomAlias = endpoint(
  { method: 'PUT', path: PATH, auth: 'user', rateLimit: 'write', params, body: z.object({ room_id: z.string() }) },
  async ({ params, body, ctx }) => {
    await createAlias(ctx, params.roomAlias, body.room_id)
    return {}
  },
)

/** `DELETE /directory/room/{roomAlias}` (client-server-api#delete_matrixclientv3directoryroomroomalias). */
export const deleteRoomAlias = endpoint(
  { method: 'DELETE', path: PATH, auth: 'user', rateLimit: 'write', params },
  async ({ params, ctx }) => {
    await removeAlias(ctx, params.roomAlias)
    return {}
  },
)
