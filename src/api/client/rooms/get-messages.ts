import * as z from 'zod'
import { readableRoom } from '../../../domain/rooms/access.ts'
import { resolvePositionToken } from '../../../domain/rooms/position-tokens.ts'
import { readHistory } from '../../../domain/rooms/read-history.ts'
import { rawJson } from '../../../http/json-response.ts'
import { clientPaths } from '../../../http/path.ts'
import { endpoint } from '../../endpoint.ts'
import { filterText, pageLimit, roomParams } from './params.ts'

/** `GET /rooms/{roomId}/messages` (client-server-api#get_matrixclientv3roomsroomidmessages). */
export const getMessages = endpoint(
  {
    method: 'GET',
    path: clientPaths('rooms/:roomId/messages'),
    auth: 'user',
    rateLimit: 'read',
    params: roomParams,
    query: z.object({
      from: z.string().optional(),
      to: z.string().optional(),
      // Required by the specification, left out by clients: other servers read forwards then.
      dir: z.enum(['b', 'f']).default('f'),
      limit: pageLimit(10),
      filter: filterText,
    }),
  },
  async ({ params: { roomId }, query, ctx }) => {
    const caller = await readableRoom(ctx, roomId)
    const [from, to] = await Promise.all([resolvePositionToken(ctx, roomId, query.from), resolvePositionToken(ctx, roomId, query.to)])
    const { dir, limit, filter } = query
    return rawJson(await readHistory(ctx, roomId, caller, { from, to, dir, limit, filter }))
  },
)
