import { invalidParam, notFound } from '../../matrix/errors.ts'
import { isMediaId } from '../../matrix/ids/media-id.ts'
import { isServerName } from '../../matrix/ids/server-name.ts'
import { nowMs } from '../../runtime/clock.ts'
import { accountExists } from '../../storage/d1/accounts.ts'
import { findMedia, type MediaRow, mediaOfUser, quarantineMedia } from '../../storage/d1/media.ts'
import { requireAdmin } from '../auth/require-admin.ts'
import type { RequestContext } from '../context.ts'
import { purgeCopies, removeFile, type Swept } from './sweep.ts'

/** A page of a user's files. */
export interface MediaPage {
  readonly files: readonly MediaRow[]
  /** To go on from; absent at the end. */
  readonly next: number | undefined
}

function checkName(origin: string, mediaId: string): void {
  if (!isServerName(origin) || !isMediaId(mediaId)) throw invalidParam('That is not media')
}

/** Keeps a file from everybody at once, or (`false`) no longer. What is not here yet is kept from coming. @throws MatrixError M_FORBIDDEN, M_INVALID_PARAM. */
export async function setQuarantine(ctx: RequestContext, origin: string, mediaId: string, isQuarantined: boolean): Promise<void> {
  const admin = await requireAdmin(ctx)
  checkName(origin, mediaId)
  await quarantineMedia(ctx.registry, origin, mediaId, isQuarantined ? admin : undefined, nowMs())
}

/** Removes a file and its thumbnails. A copy of another server's can be fetched again. @throws MatrixError M_FORBIDDEN, M_NOT_FOUND. */
export async function deleteMedia(ctx: RequestContext, origin: string, mediaId: string): Promise<void> {
  await requireAdmin(ctx)
  checkName(origin, mediaId)
  const row = await findMedia(ctx.registry, origin, mediaId)
  if (row === undefined) throw notFound('There is no such media')
  await removeFile(ctx.env, ctx.registry, row)
  if (row.localpart !== undefined)
    await ctx.objects.user(`@${row.localpart}:${ctx.config.serverName}`).uploadsRemoved(row.bytes, ctx.requestId)
}

/** Files of one user, the newest first. @throws MatrixError M_FORBIDDEN, M_INVALID_PARAM, M_NOT_FOUND. */
export async function listUserMedia(ctx: RequestContext, userId: string, before: number | undefined, limit: number): Promise<MediaPage> {
  await requireAdmin(ctx)
  const suffix = `:${ctx.config.serverName}`
  if (!userId.startsWith('@') || !userId.endsWith(suffix)) throw invalidParam('That is not a user of this server')
  const localpart = userId.slice(1, -suffix.length)
  if (!(await accountExists(ctx.registry, localpart))) throw notFound('There is no such account')
  const files = await mediaOfUser(ctx.registry, localpart, before ?? Number.MAX_SAFE_INTEGER, limit)
  return { files, next: files.length < limit ? undefined : files.at(-1)?.createdTs }
}

/** Removes copies of other servers' files that nobody has used since a time. @throws MatrixError M_FORBIDDEN. */
export async function purgeRemoteMedia(ctx: RequestContext, beforeTs: number): Promise<Swept> {
  await requireAdmin(ctx)
  return await purgeCopies(ctx.env, beforeTs)
}
