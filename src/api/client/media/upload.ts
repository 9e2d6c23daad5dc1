import * as z from 'zod'
import { type UploadInput, upload, uploadTo } from '../../../domain/media/upload.ts'
import { mediaPath } from '../../../http/schema/media.ts'
import { invalidParam, notFound } from '../../../matrix/errors.ts'
import { isMediaId } from '../../../matrix/ids/media-id.ts'
import { endpoint } from '../../endpoint.ts'

const query = z.object({ filename: z.string().optional() })

/** `POST /_matrix/media/v3/upload` (client-server-api#post_matrixmediav3upload). */
export const uploadContent = endpoint(
  { method: 'POST', path: ['/_matrix/media/v3/upload', '/_matrix/media/r0/upload'], auth: 'user', rateLimit: 'upload', query },
  async ({ request, query, ctx }) => ({ content_uri: await upload(ctx, inputOf(request, query.filename)) }),
)

/** `PUT /_matrix/media/v3/upload/{serverName}/{mediaId}` (client-server-api#put_matrixmediav3uploadservernamemediaid). */
export const uploadToCreated = endpoint(
  { method: 'PUT', path: '/_matrix/media/v3/upload/:serverName/:mediaId', auth: 'user', rateLimit: 'upload', params: mediaPath, query },
  async ({ request, params, query, ctx }) => {
    if (params.serverName !== ctx.config.serverName || !isMediaId(params.mediaId)) throw notFound('There is no such media ID')
    await uploadTo(ctx, params.mediaId, inputOf(request, query.filename))
    return {}
  },
)

function inputOf(request: Request, filename: string | undefined): UploadInput {
  const length = request.headers.get('content-length')
  if (length !== null && !/^\d{1,15}$/.test(length)) throw invalidParam('The Content-Length is not a number')
  return {
    body: request.body,
    declaredBytes: length === null ? undefined : Number(length),
    contentType: request.headers.get('content-type'),
    filename,
  }
}
