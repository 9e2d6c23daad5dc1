import * as z from 'zod'
import { readableRoom } from '../../../domain/rooms/access.ts'
import { rawJson } from '../../../http/json-response.ts'
import { unwrap } from '../../../runtime/outcome.ts'
import { endpoint } from '../../endpoint.ts'
import { pageLimit, roomParams } from './params.ts'

/** `GET /rooms/{roomId}/threads` (client-server-api#get_matrixclientv1roomsroomidthreads). */
export const getThreads = endpoint(
  {
    method: 'GET',
    path: '/_matrix/client/v1/rooms/:roomId/threads',
    auth: 'user',
    rateLimit: 'read',
    params: roomParams,
    query: z.object({
      include: z.enum(['all', 'participated']).default('all'),
      limit: pageLimit(20).pipe(z.number().min(1)),
      from: z.string().max(1024).optional(),
    }),
  },
  async ({ params: { roomId }, query, ctx }) => {
    const caller = await readableRoom(ctx, roomId)
    const { include, limit, from } = query
    return rawJson(unwrap(await ctx.objects.room(roomId).threads(caller, { include, limit, from })))
  },
)
