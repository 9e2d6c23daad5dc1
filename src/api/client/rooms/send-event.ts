import * as z from 'zod'
import { delayEvent } from '../../../domain/rooms/delay-event.ts'
import { sendMessage } from '../../../domain/rooms/send-event.ts'
import { clientPaths } from '../../../http/path.ts'
import { delayQuery, isDelayed } from '../../../http/schema/delay.ts'
import { jsonObject } from '../../../http/schema/json.ts'
import { endpoint } from '../../endpoint.ts'

/** `PUT /rooms/{roomId}/send/{eventType}/{txnId}` (client-server-api#put_matrixclientv3roomsroomidsendeventtypetxnid), with a delay as of MSC4140. */
export const sendEvent = endpoint(
  {
    method: 'PUT',
    path: clientPaths('rooms/:roomId/send/:eventType/:txnId'),
    auth: 'user',
    rateLimit: 'message',
    params: z.object({ roomId: z.string(), eventType: z.string(), txnId: z.string() }),
    query: delayQuery,
    body: jsonObject,
    emptyBody: isDelayed,
    numbers: 'integers',
  },
  async ({ params: { roomId, eventType: type, txnId }, query: { delayMs }, body, ctx }) => {
    if (delayMs === undefined) return { event_id: await sendMessage(ctx, roomId, type, txnId, body) }
    return { delay_id: await delayEvent(ctx, roomId, { type, stateKey: undefined, content: body, delayMs, txnId }) }
  },
)
