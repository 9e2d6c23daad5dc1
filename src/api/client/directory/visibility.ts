import * as z from 'zod'
import { isListed, setListed } from '../../../domain/directory/visibility.ts'
import { clientPaths } from '../../../http/path.ts'
import { endpoint } from '../../endpoint.ts'
import { roomParams } from '../rooms/params.ts'

const PATH = clientPaths('directory/list/room/:roomId')

/** `GET /directory/list/room/{roomId}` (client-server-api#get_matrixclientv3directorylistroomroomid). */
export const getDirectoryVisibility = endpoint(
  { method: 'GET', path: PATH, auth: 'optional-user', rateLimit: 'read', params: roomParams },
  async ({ params, ctx }) => ({ visibility: (await isListed(ctx, params.roomId)) ? 'public' : 'private' }),
)

/** `PUT /directory/list/room/{roomId}` (client-server-api#put_matrixclientv3directorylistroomroomid). */
export const putDirectoryVisibility = endpoint(
  {
    method: 'PUT',
    path: PATH,
    auth: 'user',
    rateLimit: 'write',
    params: roomParams,
    body: z.object({ visibility: z.enum(['public', 'private']).default('public') }),
    emptyBody: true,
  },
  async ({ params, body, ctx }) => {
    await setListed(ctx, params.roomId, body.visibility === 'public')
    return {}
  },
)
