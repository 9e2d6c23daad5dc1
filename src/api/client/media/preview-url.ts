import * as z from 'zod'
import { previewUrl } from '../../../domain/media/preview/preview-url.ts'
import { queryInteger } from '../../../http/schema/query.ts'
import { unwrap } from '../../../runtime/outcome.ts'
import { endpoint } from '../../endpoint.ts'

/** `GET /media/preview_url` (client-server-api#get_matrixclientv1mediapreview_url), also under its old path. There is no version but the present one. */
export const getUrlPreview = endpoint(
  {
    method: 'GET',
    path: ['/_matrix/client/v1/media/preview_url', '/_matrix/media/v3/preview_url', '/_matrix/media/r0/preview_url'],
    auth: 'user',
    rateLimit: 'write',
    query: z.object({ url: z.string(), ts: queryInteger().optional() }),
  },
  async ({ query, ctx }) => {
    unwrap(await ctx.session.whoami())
    ctx.close()
    return await previewUrl(ctx, query.url)
  },
)
