import * as z from 'zod'
import { subscribe, subscriptionTo, unsubscribe } from '../../../domain/threads/subscriptions.ts'
import { endpoint } from '../../endpoint.ts'

const path = '/_matrix/client/unstable/io.element.msc4306/rooms/:roomId/thread/:eventId/subscription'
const params = z.object({ roomId: z.string(), eventId: z.string() }).transform(({ roomId, eventId: root }) => ({ roomId, root }))

/** `GET /rooms/{roomId}/thread/{eventId}/subscription` (MSC4306). */
export const getThreadSubscription = endpoint(
  { method: 'GET', path, auth: 'user', rateLimit: 'read', params },
  async ({ params, ctx }) => ({ automatic: (await subscriptionTo(ctx, params)).automatic }),
)

/** `PUT /rooms/{roomId}/thread/{eventId}/subscription` (MSC4306). */
export const putThreadSubscription = endpoint(
  {
    method: 'PUT',
    path,
    auth: 'user',
    standing: 'unlocked',
    rateLimit: 'write',
    params,
    body: z.object({ automatic: z.string().startsWith('$').max(255).nullish() }),
    emptyBody: true,
  },
  async ({ params, body, ctx }) => {
    await subscribe(ctx, params, body.automatic ?? undefined)
    return {}
  },
)

/** `DELETE /rooms/{roomId}/thread/{eventId}/subscription` (MSC4306). */
export const deleteThreadSubscription = endpoint(
  { method: 'DELETE', path, auth: 'user', standing: 'unlocked', rateLimit: 'write', params },
  async ({ params, ctx }) => {
    await unsubscribe(ctx, params)
    return {}
  },
)
