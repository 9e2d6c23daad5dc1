import * as z from 'zod'
import { resolveRoom } from '../../../domain/directory/resolve-alias.ts'
import { findRoom } from '../../../domain/spaces/find-room.ts'
import { askingBudget, nothingToAsk } from '../../../domain/spaces/remote-summary.ts'
import { queryList } from '../../../http/schema/query.ts'
import { notFound } from '../../../matrix/errors.ts'
import { unwrap } from '../../../runtime/outcome.ts'
import { endpoint } from '../../endpoint.ts'

/** `GET /room_summary/{roomIdOrAlias}` (client-server-api#get_matrixclientv1room_summaryroomidoralias). */
export const getRoomSummary = endpoint(
  {
    method: 'GET',
    path: [
      '/_matrix/client/v1/room_summary/:roomIdOrAlias',
      // MSC3266, as clients still call it.
      '/_matrix/client/unstable/im.nheko.summary/summary/:roomIdOrAlias',
      '/_matrix/client/unstable/im.nheko.summary/rooms/:roomIdOrAlias/summary',
    ],
    auth: 'optional-user',
    rateLimit: 'read',
    params: z.object({ roomIdOrAlias: z.string() }),
    query: z.object({ via: queryList() }),
  },
  async ({ params, query, ctx }) => {
    const isUser = ctx.claimedUserId !== undefined
    if (isUser) unwrap(await ctx.session.whoami())
    const { roomId, servers } = await resolveRoom(ctx, params.roomIdOrAlias)
    // Asking others costs: that is for users of this server.
    const found = await findRoom(ctx, roomId, [...query.via, ...servers], isUser ? askingBudget() : nothingToAsk())
    if (found === undefined) throw notFound('There is no such room, or it is not for you to know')
    return { ...found.summary, ...(isUser ? { membership: found.membership ?? 'leave' } : {}) }
  },
)
