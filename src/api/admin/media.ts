import * as z from 'zod'
import { deleteMedia, listUserMedia, purgeRemoteMedia, setQuarantine } from '../../domain/media/administer.ts'
import { mediaPath } from '../../http/schema/media.ts'
import { queryInteger } from '../../http/schema/query.ts'
import { endpoint } from '../endpoint.ts'

const V1 = '/_synapse/admin/v1'
const PAGE = 100
const MAX_PAGE = 1_000

/** `POST /_synapse/admin/v1/media/quarantine/{serverName}/{mediaId}`, as Synapse's tools call it: nobody can download it from now on. */
export const quarantine = endpoint(
  { method: 'POST', path: `${V1}/media/quarantine/:serverName/:mediaId`, auth: 'user', rateLimit: 'write', params: mediaPath },
  async ({ params, ctx }) => {
    await setQuarantine(ctx, params.serverName, params.mediaId, true)
    return {}
  },
)

/** `POST /_synapse/admin/v1/media/unquarantine/{serverName}/{mediaId}`. */
export const unquarantine = endpoint(
  { method: 'POST', path: `${V1}/media/unquarantine/:serverName/:mediaId`, auth: 'user', rateLimit: 'write', params: mediaPath },
  async ({ params, ctx }) => {
    await setQuarantine(ctx, params.serverName, params.mediaId, false)
    return {}
  },
)

/** `DELETE /_synapse/admin/v1/media/{serverName}/{mediaId}`. */
export const deleteOne = endpoint(
  { method: 'DELETE', path: `${V1}/media/:serverName/:mediaId`, auth: 'user', rateLimit: 'write', params: mediaPath },
  async ({ params, ctx }) => {
    await deleteMedia(ctx, params.serverName, params.mediaId)
    return { deleted_media: [params.mediaId], total: 1 }
  },
)

/** `GET /_synapse/admin/v1/users/{userId}/media`: the newest first; `from` goes on from `next_token`. */
export const listOfUser = endpoint(
  {
    method: 'GET',
    path: `${V1}/users/:userId/media`,
    auth: 'user',
    rateLimit: 'read',
    params: z.object({ userId: z.string() }),
    query: z.object({ from: queryInteger().optional(), limit: queryInteger().pipe(z.number().min(1).max(MAX_PAGE)).default(PAGE) }),
  },
  async ({ params, query, ctx }) => {
    const { files, next } = await listUserMedia(ctx, params.userId, query.from, query.limit)
    const media = files.map((file) => ({
      media_id: file.mediaId,
      media_type: file.contentType,
      media_length: file.bytes,
      upload_name: file.filename ?? null,
      created_ts: file.createdTs,
      last_access_ts: file.usedTs,
      quarantined_by: file.quarantinedBy ?? null,
    }))
    return next === undefined ? { media } : { media, next_token: next }
  },
)

/** `POST /_synapse/admin/v1/purge_media_cache?before_ts=`: copies of other servers' files that nobody has used since then. */
export const purgeCache = endpoint(
  { method: 'POST', path: `${V1}/purge_media_cache`, auth: 'user', rateLimit: 'write', query: z.object({ before_ts: queryInteger() }) },
  async ({ query, ctx }) => {
    const { files, bytes } = await purgeRemoteMedia(ctx, query.before_ts)
    return { deleted: files, bytes }
  },
)
