import * as z from 'zod'
import { readableRoom } from '../../../domain/rooms/access.ts'
import { rawJson } from '../../../http/json-response.ts'
import { clientPaths } from '../../../http/path.ts'
import { unwrap } from '../../../runtime/outcome.ts'
import { endpoint } from '../../endpoint.ts'

/** `GET /rooms/{roomId}/event/{eventId}` (client-server-api#get_matrixclientv3roomsroomideventeventid): 404 also for what the caller may not see. */
export const getEvent = endpoint(
  {
    method: 'GET',
    path: clientPaths('rooms/:roomId/event/:eventId'),
    auth: 'user',
    rateLimit: 'read',
    params: z.object({ roomId: z.string(), eventId: z.string() }),
  },
  async ({ params, ctx }) => {
    const caller = await readableRoom(ctx, params.roomId)
    return rawJson(unwrap(await ctx.objects.room(params.roomId).event(caller, { eventId: params.eventId })))
  },
)
