import * as z from 'zod'
import { findFile } from '../../../domain/media/find-file.ts'
import { respondToServer, servedFile } from '../../../domain/media/serve-file.ts'
import { mediaTimeout } from '../../../http/schema/media.ts'
import { serverEndpoint } from '../endpoint.ts'

/** `GET /_matrix/federation/v1/media/download/{mediaId}` (server-server-api#get_matrixfederationv1mediadownloadmediaid). */
export const serveMedia = serverEndpoint(
  {
    method: 'GET',
    path: '/_matrix/federation/v1/media/download/:mediaId',
    params: z.object({ mediaId: z.string() }),
    query: z.object({ timeout_ms: mediaTimeout }),
  },
  async ({ params, query, ctx }) => {
    const { serverName: origin } = ctx.config
    const file = await findFile(ctx, { origin, mediaId: params.mediaId, timeoutMs: query.timeout_ms, asker: 'server', allowRemote: false })
    return await respondToServer(servedFile(ctx, file))
  },
)
