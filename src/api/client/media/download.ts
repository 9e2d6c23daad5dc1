import * as z from 'zod'
import { findFile } from '../../../domain/media/find-file.ts'
import { respondWithFile, servedFile } from '../../../domain/media/serve-file.ts'
import { mediaPath, mediaTimeout } from '../../../http/schema/media.ts'
import { queryBoolean } from '../../../http/schema/query.ts'
import { unwrap } from '../../../runtime/outcome.ts'
import { endpoint } from '../../endpoint.ts'

const params = mediaPath.extend({ fileName: z.string().optional() })
const PATH = 'download/:serverName/:mediaId/:fileName?'

/** `GET /media/download/{serverName}/{mediaId}[/{fileName}]` (client-server-api#get_matrixclientv1mediadownloadservernamemediaid). */
export const downloadContent = endpoint(
  {
    method: 'GET',
    path: `/_matrix/client/v1/media/${PATH}`,
    auth: 'user',
    rateLimit: 'media',
    params,
    query: z.object({ timeout_ms: mediaTimeout }),
  },
  async ({ request, params, query, ctx }) => {
    unwrap(await ctx.session.whoami())
    ctx.close()
    const { serverName: origin, mediaId, fileName } = params
    const file = await findFile(ctx, { origin, mediaId, timeoutMs: query.timeout_ms, asker: 'user', allowRemote: true })
    return await respondWithFile(request, servedFile(ctx, file, fileName === '' ? undefined : fileName))
  },
)

/**
 * `GET /_matrix/media/v3/download/{serverName}/{mediaId}[/{fileName}]`, deprecated: without an access token, and therefore only what was
 * uploaded or fetched while the server allowed that (client-server-api#content-repo-client-behaviour).
 */
export const downloadUnauthenticated = endpoint(
  {
    method: 'GET',
    path: ['v3', 'r0', 'v1'].map((version) => `/_matrix/media/${version}/${PATH}`),
    auth: 'none',
    rateLimit: 'media',
    params,
    query: z.object({ timeout_ms: mediaTimeout, allow_remote: queryBoolean().default(true) }),
  },
  async ({ request, params, query, ctx }) => {
    const { serverName: origin, mediaId, fileName } = params
    const { timeout_ms: timeoutMs, allow_remote: allowRemote } = query
    const file = await findFile(ctx, { origin, mediaId, timeoutMs, asker: 'anybody', allowRemote })
    return await respondWithFile(request, servedFile(ctx, file, fileName === '' ? undefined : fileName))
  },
)
