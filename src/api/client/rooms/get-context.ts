import * as z from 'zod'
import { readableRoom } from '../../../domain/rooms/access.ts'
import { rawJson } from '../../../http/json-response.ts'
import { clientPaths } from '../../../http/path.ts'
import { unwrap } from '../../../runtime/outcome.ts'
import { endpoint } from '../../endpoint.ts'
import { filterText, pageLimit } from './params.ts'

/** `GET /rooms/{roomId}/context/{eventId}` (client-server-api#get_matrixclientv3roomsroomidcontexteventid). */
export const getContext = endpoint(
  {
    method: 'GET',
    path: clientPaths('rooms/:roomId/context/:eventId'),
    auth: 'user',
    rateLimit: 'read',
    params: z.object({ roomId: z.string(), eventId: z.string() }),
    query: z.object({ limit: pageLimit(10), filter: filterText }),
  },
  async ({ params, query, ctx }) => {
    const caller = await readableRoom(ctx, params.roomId)
    const request = { eventId: params.eventId, limit: query.limit, filter: query.filter }
    return rawJson(unwrap(await ctx.objects.room(params.roomId).context(caller, request)))
  },
)
