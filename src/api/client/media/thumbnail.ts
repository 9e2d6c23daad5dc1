import { findFile } from '../../../domain/media/find-file.ts'
import { respondWithFile } from '../../../domain/media/serve-file.ts'
import { thumbnailOf } from '../../../domain/media/thumbnail.ts'
import { mediaPath } from '../../../http/schema/media.ts'
import { queryBoolean } from '../../../http/schema/query.ts'
import { thumbnailQuery } from '../../../http/schema/thumbnail.ts'
import { unwrap } from '../../../runtime/outcome.ts'
import { endpoint } from '../../endpoint.ts'

const PATH = 'thumbnail/:serverName/:mediaId'

/** `GET /media/thumbnail/{serverName}/{mediaId}` (client-server-api#get_matrixclientv1mediathumbnailservernamemediaid). */
export const getThumbnail = endpoint(
  { method: 'GET', path: `/_matrix/client/v1/media/${PATH}`, auth: 'user', rateLimit: 'media', params: mediaPath, query: thumbnailQuery },
  async ({ request, params, query, ctx }) => {
    unwrap(await ctx.session.whoami())
    ctx.close()
    const { serverName: origin, mediaId } = params
    const file = await findFile(ctx, { origin, mediaId, timeoutMs: query.timeout_ms, asker: 'user', allowRemote: true })
    return await respondWithFile(request, await thumbnailOf(ctx, file, query))
  },
)

/** `GET /_matrix/media/v3/thumbnail/{serverName}/{mediaId}`, deprecated: of what may be downloaded without an access token. */
export const getThumbnailUnauthenticated = endpoint(
  {
    method: 'GET',
    path: ['v3', 'r0', 'v1'].map((version) => `/_matrix/media/${version}/${PATH}`),
    auth: 'none',
    rateLimit: 'media',
    params: mediaPath,
    query: thumbnailQuery.extend({ allow_remote: queryBoolean().default(true) }),
  },
  async ({ request, params, query, ctx }) => {
    const { serverName: origin, mediaId } = params
    const { timeout_ms: timeoutMs, allow_remote: allowRemote } = query
    const file = await findFile(ctx, { origin, mediaId, timeoutMs, asker: 'anybody', allowRemote })
    return await respondWithFile(request, await thumbnailOf(ctx, file, query))
  },
)
