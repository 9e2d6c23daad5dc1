import * as z from 'zod'
import { unwrap } from '../../../runtime/outcome.ts'
import { endpoint } from '../../endpoint.ts'
import { DELAYED_EVENTS_PATH } from './path.ts'

/** `GET /delayed_events` (MSC4140): what waits, in the order in which it is due. */
export const getDelayedEvents = endpoint(
  { method: 'GET', path: DELAYED_EVENTS_PATH, auth: 'user', rateLimit: 'read' },
  async ({ ctx }) => ({ delayed_events: unwrap(await ctx.session.delayedEvents()) }),
)

/** `GET /delayed_events/{delayId}` (MSC4140): one of them, or what became of it. */
export const getDelayedEvent = endpoint(
  {
    method: 'GET',
    path: `${DELAYED_EVENTS_PATH}/:delayId`,
    auth: 'user',
    rateLimit: 'read',
    params: z.object({ delayId: z.string() }),
  },
  async ({ params, ctx }) => unwrap(await ctx.session.delayedEvent(params.delayId)),
)
