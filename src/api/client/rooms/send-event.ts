import * as z from 'zod'
import { sendMessage } from '../../../domain/rooms/send-event.ts'
import { clientPaths } from '../../../http/path.ts'
import { jsonObject } from '../../../http/schema/json.ts'
import { endpoint } from '../../endpoint.ts'

/** `PUT /rooms/{roomId}/send/{eventType}/{txnId}` (client-server-api#put_matrixclientv3roomsroomidsendeventtypetxnid). */
export const sendEvent = endpoint(
  {
    method: 'PUT',
    path: clientPaths('rooms/:roomId/send/:eventType/:txnId'),
    auth: 'user',
    rateLimit: 'message',
    params: z.object({ roomId: z.string(), eventType: z.string(), txnId: z.string() }),
    body: jsonObject,
    numbers: 'integers',
  },
  async ({ params, body, ctx }) => ({ event_id: await sendMessage(ctx, params.roomId, params.eventType, params.txnId, body) }),
)
