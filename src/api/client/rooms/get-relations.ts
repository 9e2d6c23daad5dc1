import * as z from 'zod'
import { readableRoom } from '../../../domain/rooms/access.ts'
import { resolvePositionToken } from '../../../domain/rooms/position-tokens.ts'
import { rawJson } from '../../../http/json-response.ts'
import { queryBoolean } from '../../../http/schema/query.ts'
import { unwrap } from '../../../runtime/outcome.ts'
import { endpoint } from '../../endpoint.ts'
import { pageLimit } from './params.ts'

const PATH = '/_matrix/client/v1/rooms/:roomId/relations/:eventId'

/** `GET /rooms/{roomId}/relations/{eventId}[/{relType}[/{eventType}]]` (client-server-api#relationships-api). */
export const getRelations = endpoint(
  {
    method: 'GET',
    path: [PATH, `${PATH}/:relType`, `${PATH}/:relType/:eventType`],
    auth: 'user',
    rateLimit: 'read',
    params: z.object({ roomId: z.string(), eventId: z.string(), relType: z.string().optional(), eventType: z.string().optional() }),
    query: z.object({
      from: z.string().optional(),
      to: z.string().optional(),
      dir: z.enum(['b', 'f']).default('b'),
      limit: pageLimit(20),
      recurse: queryBoolean().optional(),
    }),
  },
  async ({ params: { roomId, eventId, relType, eventType }, query, ctx }) => {
    const caller = await readableRoom(ctx, roomId)
    const [from, to] = await Promise.all([resolvePositionToken(ctx, roomId, query.from), resolvePositionToken(ctx, roomId, query.to)])
    const { dir, limit, recurse } = query
    const request = { eventId, relType, eventType, from, to, dir, limit, recurse }
    return rawJson(unwrap(await ctx.objects.room(roomId).relations(caller, request)))
  },
)
