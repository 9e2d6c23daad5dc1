import * as z from 'zod'
import { delayEvent } from '../../../domain/rooms/delay-event.ts'
import { setState } from '../../../domain/rooms/send-event.ts'
import { clientPaths } from '../../../http/path.ts'
import { delayQuery } from '../../../http/schema/delay.ts'
import { jsonObject } from '../../../http/schema/json.ts'
import { endpoint } from '../../endpoint.ts'

/** `PUT /rooms/{roomId}/state/{eventType}/{stateKey}` (client-server-api#put_matrixclientv3roomsroomidstateeventtypestatekey), with a delay as of MSC4140. */
export const setStateEndpoint = endpoint(
  {
    method: 'PUT',
    path: clientPaths('rooms/:roomId/state/:eventType/:stateKey?'),
    auth: 'user',
    rateLimit: 'message',
    params: z.object({ roomId: z.string(), eventType: z.string(), stateKey: z.string().default('') }),
    query: delayQuery,
    body: jsonObject,
    numbers: 'integers',
  },
  async ({ params: { roomId, eventType: type, stateKey }, query: { delayMs }, body, ctx }) => {
    if (delayMs === undefined) return { event_id: await setState(ctx, roomId, type, stateKey, body) }
    return { delay_id: await delayEvent(ctx, roomId, { type, stateKey, content: body, delayMs, txnId: undefined }) }
  },
)
