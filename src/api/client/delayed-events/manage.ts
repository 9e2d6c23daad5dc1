import * as z from 'zod'
import { manageDelayedEvent } from '../../../domain/rooms/delay-event.ts'
import { unrecognized } from '../../../matrix/errors.ts'
import { endpoint } from '../../endpoint.ts'
import { DELAYED_EVENTS_PATH } from './path.ts'

const Action = z.enum(['send', 'cancel', 'restart'])
/** Whoever asks need not be anybody. */
const MAX_BODY_BYTES = 1024

/** `POST /delayed_events/{delayId}/{action}` (MSC4140). Whoever knows the ID may; the account's object limits how often. */
export const manageDelayed = endpoint(
  {
    method: 'POST',
    path: `${DELAYED_EVENTS_PATH}/:delayId/:action`,
    auth: 'none',
    rateLimit: 'none',
    params: z.object({ delayId: z.string(), action: z.string() }),
  },
  async ({ params, ctx }) => {
    const action = Action.safeParse(params.action)
    if (!action.success) throw unrecognized()
    await manageDelayedEvent(ctx, params.delayId, action.data)
    return {}
  },
)

/** `POST /delayed_events/{delayId}`: the same as earlier drafts had it, with the action in the body. */
export const manageDelayedByBody = endpoint(
  {
    method: 'POST',
    path: `${DELAYED_EVENTS_PATH}/:delayId`,
    auth: 'none',
    rateLimit: 'none',
    params: z.object({ delayId: z.string() }),
    body: z.object({ action: Action }),
    maxBodyBytes: MAX_BODY_BYTES,
  },
  async ({ params, body, ctx }) => {
    await manageDelayedEvent(ctx, params.delayId, body.action)
    return {}
  },
)
