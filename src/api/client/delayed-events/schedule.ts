import * as z from 'zod'
import { delayEvent } from '../../../domain/rooms/delay-event.ts'
import { jsonObject } from '../../../http/schema/json.ts'
import { endpoint } from '../../endpoint.ts'
import { DELAYED_PREFIX } from './path.ts'

/** `PUT /rooms/{roomId}/delayed_event/{eventType}/{txnId}` (MSC4140). */
export const scheduleDelayedEvent = endpoint(
  {
    method: 'PUT',
    path: `${DELAYED_PREFIX}/rooms/:roomId/delayed_event/:eventType/:txnId`,
    auth: 'user',
    rateLimit: 'message',
    params: z.object({ roomId: z.string(), eventType: z.string(), txnId: z.string() }),
    body: z.object({ delay_ms: z.int(), state_key: z.string().optional(), content: jsonObject }),
    numbers: 'integers',
  },
  async ({ params, body, ctx }) => {
    const { eventType: type, txnId } = params
    const event = { type, stateKey: body.state_key, content: body.content, delayMs: body.delay_ms, txnId }
    return { delay_id: await delayEvent(ctx, params.roomId, event) }
  },
)
