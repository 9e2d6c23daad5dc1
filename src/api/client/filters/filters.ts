import * as z from 'zod'
import { rawJson } from '../../../http/json-response.ts'
import { clientPaths } from '../../../http/path.ts'
import { userId } from '../../../http/schema/ids.ts'
import { jsonObject } from '../../../http/schema/json.ts'
import { unwrap } from '../../../runtime/outcome.ts'
import { endpoint } from '../../endpoint.ts'
import { requireOwnUser } from '../../own-user.ts'

/** `POST /user/{userId}/filter` (client-server-api#post_matrixclientv3useruseridfilter). */
export const createFilter = endpoint(
  {
    method: 'POST',
    path: clientPaths('user/:userId/filter'),
    auth: 'user',
    standing: 'unlocked',
    rateLimit: 'write',
    params: z.object({ userId }),
    body: jsonObject,
  },
  async ({ params, body, ctx }) => {
    requireOwnUser(ctx, params.userId)
    return { filter_id: unwrap(await ctx.session.createFilter(body)) }
  },
)

/** `GET /user/{userId}/filter/{filterId}` (client-server-api#get_matrixclientv3useruseridfilterfilterid). */
export const getFilter = endpoint(
  {
    method: 'GET',
    path: clientPaths('user/:userId/filter/:filterId'),
    auth: 'user',
    rateLimit: 'read',
    params: z.object({ userId, filterId: z.string() }),
  },
  async ({ params, ctx }) => {
    requireOwnUser(ctx, params.userId)
    return rawJson(unwrap(await ctx.session.filter(params.filterId)))
  },
)
