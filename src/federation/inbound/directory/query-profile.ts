import { z } from 'zod'
import { requireServerLookUp } from '../../../domain/e2ee/look-ups.ts'
import { profileOfOwnUser } from '../../../domain/profiles/profile.ts'
import * as ids from '../../../http/schema/ids.ts'
import { serverEndpoint } from '../endpoint.ts'

/** `GET /_matrix/federation/v1/query/profile` (server-server-api#get_matrixfederationv1queryprofile). */
export const queryProfile = serverEndpoint(
  {
    method: 'GET',
    path: '/_matrix/federation/v1/query/profile',
    query: z.object({ user_id: ids.userId, field: z.string().max(255).optional() }),
  },
  async ({ query, origin, ctx }) => {
    await requireServerLookUp(ctx, origin.serverName, query.user_id)
    const profile = await profileOfOwnUser(ctx, query.user_id)
    if (query.field === undefined) return profile
    const value = new Map(Object.entries(profile)).get(query.field)
    return value === undefined ? {} : { [query.field]: value }
  },
)
