import { z } from 'zod'
import { publicRooms } from '../../../domain/directory/public-rooms.ts'
import { rawJson } from '../../../http/json-response.ts'
import { directoryFilter, directoryLimit } from '../../../http/schema/directory.ts'
import { serverEndpoint } from '../endpoint.ts'

const PATH = '/_matrix/federation/v1/publicRooms'

/** `GET /_matrix/federation/v1/publicRooms` (server-server-api#get_matrixfederationv1publicrooms). */
export const getFederationPublicRooms = serverEndpoint(
  { method: 'GET', path: PATH, query: z.object({ limit: directoryLimit, since: z.string().optional() }) },
  async ({ query, ctx }) =>
    rawJson(await publicRooms(ctx, { limit: query.limit, since: query.since, searchTerm: undefined, roomTypes: undefined })),
)

/** `POST /_matrix/federation/v1/publicRooms` (server-server-api#post_matrixfederationv1publicrooms). */
export const searchFederationPublicRooms = serverEndpoint(
  {
    method: 'POST',
    path: PATH,
    body: z.object({ limit: z.int().min(0).nullish(), since: z.string().nullish(), filter: directoryFilter }),
  },
  async ({ body, ctx }) =>
    rawJson(
      await publicRooms(ctx, {
        limit: body.limit ?? undefined,
        since: body.since ?? undefined,
        searchTerm: body.filter?.generic_search_term ?? undefined,
        roomTypes: body.filter?.room_types ?? undefined,
      }),
    ),
)
