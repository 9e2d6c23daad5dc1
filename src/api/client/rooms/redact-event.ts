import * as z from 'zod'
import { redactEvent } from '../../../domain/rooms/send-event.ts'
import { clientPaths } from '../../../http/path.ts'
import { jsonObject } from '../../../http/schema/json.ts'
import { endpoint } from '../../endpoint.ts'

/** `PUT /rooms/{roomId}/redact/{eventId}/{txnId}` (client-server-api#put_matrixclientv3roomsroomidredacteventidtxnid). */
export const redactEventEndpoint = endpoint(
  {
    method: 'PUT',
    path: clientPaths('rooms/:roomId/redact/:eventId/:txnId'),
    auth: 'user',
    standing: 'unlocked',
    rateLimit: 'message',
    params: z.object({ roomId: z.string(), eventId: z.string(), txnId: z.string() }),
    body: jsonObject,
    emptyBody: true,
    numbers: 'integers',
  },
  async ({ params, body, ctx }) => ({ event_id: await redactEvent(ctx, params.roomId, params.eventId, params.txnId, body) }),
)
