import * as z from 'zod'
import type { RequestContext } from '../../../domain/context.ts'
import { type DirectoryRequest, publicRooms } from '../../../domain/directory/public-rooms.ts'
import { remotePublicRooms } from '../../../domain/directory/remote-public-rooms.ts'
import { type HandlerResult, rawJson } from '../../../http/json-response.ts'
import { clientPaths } from '../../../http/path.ts'
import { directoryFilter, directoryLimit } from '../../../http/schema/directory.ts'
import { invalidParam, missingToken } from '../../../matrix/errors.ts'
import { isServerName } from '../../../matrix/ids/server-name.ts'
import { unwrap } from '../../../runtime/outcome.ts'
import { endpoint } from '../../endpoint.ts'

const PATH = clientPaths('publicRooms')

/** This server's directory for everybody; those of others for users of this one, because asking them costs. */
async function directory(ctx: RequestContext, server: string | undefined, request: DirectoryRequest): Promise<HandlerResult> {
  if (ctx.claimedUserId !== undefined) unwrap(await ctx.session.whoami())
  if (server === undefined || server === '' || server === ctx.config.serverName) return rawJson(await publicRooms(ctx, request))
  if (!isServerName(server)) throw invalidParam('server is not a server name')
  if (ctx.claimedUserId === undefined) throw missingToken()
  return remotePublicRooms(ctx, server, request)
}

/** `GET /publicRooms` (client-server-api#get_matrixclientv3publicrooms). */
export const getPublicRooms = endpoint(
  {
    method: 'GET',
    path: PATH,
    auth: 'optional-user',
    rateLimit: 'read',
    query: z.object({ limit: directoryLimit, since: z.string().optional(), server: z.string().optional() }),
  },
  ({ query, ctx }) => directory(ctx, query.server, { limit: query.limit, since: query.since, searchTerm: undefined, roomTypes: undefined }),
)

/** `POST /publicRooms` (client-server-api#post_matrixclientv3publicrooms). */
export const searchPublicRooms = endpoint(
  {
    method: 'POST',
    path: PATH,
    auth: 'user',
    // It reads.
    standing: 'unlocked',
    rateLimit: 'read',
    query: z.object({ server: z.string().optional() }),
    body: z.object({ limit: z.int().min(0).nullish(), since: z.string().nullish(), filter: directoryFilter }),
    emptyBody: true,
  },
  ({ query, body, ctx }) =>
    directory(ctx, query.server, {
      limit: body.limit ?? undefined,
      since: body.since ?? undefined,
      searchTerm: body.filter?.generic_search_term ?? undefined,
      roomTypes: body.filter?.room_types ?? undefined,
    }),
)
