import * as z from 'zod'
import { rawJson } from '../../../http/json-response.ts'
import { queryInteger } from '../../../http/schema/query.ts'
import { unwrap } from '../../../runtime/outcome.ts'
import { endpoint } from '../../endpoint.ts'

const token = z.string().max(1024).optional()

/** `GET /thread_subscriptions` (MSC4308): what did not fit into a response of sliding sync, backwards. */
export const getThreadSubscriptions = endpoint(
  {
    method: 'GET',
    path: '/_matrix/client/unstable/io.element.msc4308/thread_subscriptions',
    auth: 'user',
    rateLimit: 'read',
    query: z.object({ dir: z.literal('b'), from: token, to: token, limit: queryInteger().pipe(z.number().min(1)).default(100) }),
  },
  async ({ query: { from, to, limit }, ctx }) => rawJson(unwrap(await ctx.session.threadSubscriptions({ from, to, limit }))),
)
