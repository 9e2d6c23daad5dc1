import * as z from 'zod'
import { readableRoom } from '../../../domain/rooms/access.ts'
import { findEventNearTime } from '../../../domain/rooms/find-event-near-time.ts'
import { queryInteger } from '../../../http/schema/query.ts'
import { endpoint } from '../../endpoint.ts'

/** `GET /rooms/{roomId}/timestamp_to_event` (client-server-api#get_matrixclientv1roomsroomidtimestamp_to_event). */
export const timestampToEvent = endpoint(
  {
    method: 'GET',
    path: '/_matrix/client/v1/rooms/:roomId/timestamp_to_event',
    auth: 'user',
    rateLimit: 'read',
    params: z.object({ roomId: z.string() }),
    query: z.object({ ts: queryInteger(), dir: z.enum(['f', 'b']) }),
  },
  async ({ params, query, ctx }) => {
    const caller = await readableRoom(ctx, params.roomId)
    const found = await findEventNearTime(ctx, params.roomId, caller, { ts: query.ts, direction: query.dir })
    return { event_id: found.eventId, origin_server_ts: found.originServerTs }
  },
)
