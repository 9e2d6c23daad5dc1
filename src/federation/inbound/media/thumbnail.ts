import * as z from 'zod'
import { findFile } from '../../../domain/media/find-file.ts'
import { respondToServer } from '../../../domain/media/serve-file.ts'
import { thumbnailOf } from '../../../domain/media/thumbnail.ts'
import { thumbnailQuery } from '../../../http/schema/thumbnail.ts'
import { serverEndpoint } from '../endpoint.ts'

/** `GET /_matrix/federation/v1/media/thumbnail/{mediaId}` (server-server-api#get_matrixfederationv1mediathumbnailmediaid). */
export const serveThumbnail = serverEndpoint(
  {
    method: 'GET',
    path: '/_matrix/federation/v1/media/thumbnail/:mediaId',
    params: z.object({ mediaId: z.string() }),
    query: thumbnailQuery,
  },
  async ({ params, query, ctx }) => {
    const { serverName: origin } = ctx.config
    const file = await findFile(ctx, { origin, mediaId: params.mediaId, timeoutMs: query.timeout_ms, asker: 'server', allowRemote: false })
    return await respondToServer(await thumbnailOf(ctx, file, query))
  },
)
