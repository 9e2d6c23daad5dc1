import * as z from 'zod'
import { readableRoom } from '../../../domain/rooms/access.ts'
import { rawJson } from '../../../http/json-response.ts'
import { clientPaths } from '../../../http/path.ts'
import { unwrap } from '../../../runtime/outcome.ts'
import { endpoint } from '../../endpoint.ts'

/**
 * `GET /rooms/{roomId}/state/{eventType}/{stateKey}` (client-server-api#get_matrixclientv3roomsroomidstateeventtypestatekey). The state key may
 * be left out; the slash before it then must stay, or the path without it is taken, which is the same.
 */
export const getStateEvent = endpoint(
  {
    method: 'GET',
    path: clientPaths('rooms/:roomId/state/:eventType/:stateKey?'),
    auth: 'user',
    rateLimit: 'read',
    params: z.object({ roomId: z.string(), eventType: z.string(), stateKey: z.string().default('') }),
    query: z.object({ format: z.enum(['content', 'event']).default('content') }),
  },
  async ({ params, query, ctx }) => {
    const caller = await readableRoom(ctx, params.roomId)
    const request = { type: params.eventType, stateKey: params.stateKey, format: query.format }
    return rawJson(unwrap(await ctx.objects.room(params.roomId).stateEvent(caller, request)))
  },
)
