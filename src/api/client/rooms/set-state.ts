import * as z from 'zod'
import { setState } from '../../../domain/rooms/send-event.ts'
import { clientPaths } from '../../../http/path.ts'
import { jsonObject } from '../../../http/schema/json.ts'
import { endpoint } from '../../endpoint.ts'

/** `PUT /rooms/{roomId}/state/{eventType}/{stateKey}` (client-server-api#put_matrixclientv3roomsroomidstateeventtypestatekey). */
export const setStateEndpoint = endpoint(
  {
    method: 'PUT',
    path: clientPaths('rooms/:roomId/state/:eventType/:stateKey?'),
    auth: 'user',
    rateLimit: 'message',
    params: z.object({ roomId: z.string(), eventType: z.string(), stateKey: z.string().default('') }),
    body: jsonObject,
    numbers: 'integers',
  },
  async ({ params, body, ctx }) => ({ event_id: await setState(ctx, params.roomId, params.eventType, params.stateKey, body) }),
)
