import * as z from 'zod'
import { requireRegisteredRoom } from '../../../domain/federation/federated-rooms.ts'
import * as ids from '../../../http/schema/ids.ts'
import { queryInteger } from '../../../http/schema/query.ts'
import { unwrap } from '../../../runtime/outcome.ts'
import { serverEndpoint } from '../endpoint.ts'

/** `GET /_matrix/federation/v1/timestamp_to_event/{roomId}` (server-server-api#get_matrixfederationv1timestamp_to_eventroomid). */
export const timestampToEvent = serverEndpoint(
  {
    method: 'GET',
    path: '/_matrix/federation/v1/timestamp_to_event/:roomId',
    params: z.object({ roomId: ids.roomId }),
    query: z.object({ ts: queryInteger(), dir: z.enum(['f', 'b']) }),
  },
  async ({ params, query, origin, ctx }) => {
    const room = await requireRegisteredRoom(ctx, params.roomId)
    const { eventId, originServerTs } = unwrap(await room.eventNearTimeForServer(origin.serverName, { ts: query.ts, direction: query.dir }))
    return { event_id: eventId, origin_server_ts: originServerTs }
  },
)
