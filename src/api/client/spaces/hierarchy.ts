import * as z from 'zod'
import { hierarchy } from '../../../domain/spaces/hierarchy.ts'
import { queryBoolean, queryInteger } from '../../../http/schema/query.ts'
import { unwrap } from '../../../runtime/outcome.ts'
import { endpoint } from '../../endpoint.ts'
import { roomParams } from '../rooms/params.ts'

/** `GET /rooms/{roomId}/hierarchy` (client-server-api#get_matrixclientv1roomsroomidhierarchy). */
export const getHierarchy = endpoint(
  {
    method: 'GET',
    path: '/_matrix/client/v1/rooms/:roomId/hierarchy',
    auth: 'user',
    rateLimit: 'read',
    params: roomParams,
    query: z.object({
      suggested_only: queryBoolean().default(false),
      limit: queryInteger().pipe(z.number().min(1)).optional(),
      max_depth: queryInteger().pipe(z.number().min(0)).optional(),
      from: z.string().optional(),
    }),
  },
  async ({ params, query, ctx }) => {
    unwrap(await ctx.session.whoami())
    const { suggested_only: suggestedOnly, max_depth: maxDepth, limit, from } = query
    return hierarchy(ctx, params.roomId, { suggestedOnly, maxDepth, limit, from })
  },
)
