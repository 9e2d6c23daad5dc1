import { z } from 'zod'
import { resolveOwnAlias } from '../../../domain/directory/resolve-alias.ts'
import { invalidParam, notFound } from '../../../matrix/errors.ts'
import { parseRoomAlias } from '../../../matrix/ids/room-alias.ts'
import { serverEndpoint } from '../endpoint.ts'

/** `GET /_matrix/federation/v1/query/directory` (server-server-api#get_matrixfederationv1querydirectory). */
export const queryDirectory = serverEndpoint(
  { method: 'GET', path: '/_matrix/federation/v1/query/directory', query: z.object({ room_alias: z.string() }) },
  async ({ query, ctx }) => {
    const parts = parseRoomAlias(query.room_alias)
    if (parts === undefined) throw invalidParam('That is not a room alias')
    if (parts.serverName !== ctx.config.serverName) throw notFound('That room alias is of another server')
    const { roomId, servers } = await resolveOwnAlias(ctx, query.room_alias)
    return { room_id: roomId, servers }
  },
)
