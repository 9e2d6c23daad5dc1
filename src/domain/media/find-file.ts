import { notFound, notYetUploaded } from '../../matrix/errors.ts'
import { isMediaId } from '../../matrix/ids/media-id.ts'
import { isServerName } from '../../matrix/ids/server-name.ts'
import { nowMs } from '../../runtime/clock.ts'
import { findMedia, type MediaRow, touchMedia } from '../../storage/d1/media.ts'
import type { RequestContext } from '../context.ts'
import { FIRST_PAUSE_MS, LONGEST_PAUSE_MS, MAX_WAIT_MS, TOUCH_MS } from './limits.ts'
import { fetchCopy } from './remote-copy.ts'
import { type StoredFile, storedFile } from './stored-file.ts'

/** Who asks, and what for. */
export interface FileRequest {
  readonly origin: string
  readonly mediaId: string
  /** How long to wait for a file that has not been uploaded. */
  readonly timeoutMs: number
  /** `user`: with an access token. `anybody`: without; then only what is open. `server`: of this server's own files. */
  readonly asker: 'user' | 'anybody' | 'server'
  /** Another server may be asked for it. */
  readonly allowRemote: boolean
}

/**
 * A file that may be downloaded, fetched from its server if need be. The one place that decides who may see which file: quarantine, and the freeze
 * of unauthenticated downloads (SECURITY M3, M5).
 * @throws MatrixError M_NOT_FOUND, 504 M_NOT_YET_UPLOADED, 502 M_TOO_LARGE, and what becomes of a server that cannot be asked.
 */
export async function findFile(ctx: RequestContext, request: FileRequest): Promise<StoredFile> {
  const { origin, mediaId, asker } = request
  if (!isServerName(origin) || !isMediaId(mediaId)) throw notFound('There is no such media')
  const found = await findMedia(ctx.registry, origin, mediaId)
  if (found?.quarantinedBy !== undefined) throw notFound('There is no such media')
  const isOpen = found?.open ?? ctx.config.media.unauthenticated
  if (origin === ctx.config.serverName) {
    if (found === undefined || (asker === 'anybody' && !isOpen && found.blob !== undefined)) throw notFound('There is no such media')
    return await whenUploaded(ctx, found, asker === 'anybody' && !isOpen ? 0 : request.timeoutMs)
  }
  if (asker === 'server' || (asker === 'anybody' && !isOpen)) throw notFound('There is no such media')
  const stored = found === undefined ? undefined : storedFile(found)
  if (stored !== undefined) {
    noteUse(ctx, stored)
    return stored
  }
  if (!request.allowRemote) throw notFound('That media is not here')
  return await fetchCopy(ctx, origin, mediaId, Math.min(request.timeoutMs, MAX_WAIT_MS))
}

/** Waits for the file of an ID that was made before. */
async function whenUploaded(ctx: RequestContext, found: MediaRow, timeoutMs: number): Promise<StoredFile> {
  const { origin, mediaId } = found
  let row: MediaRow | undefined = found
  const limitMs = Math.min(timeoutMs, MAX_WAIT_MS)
  let pauseMs = FIRST_PAUSE_MS
  for (let waitedMs = 0; ; waitedMs += pauseMs, pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS)) {
    const stored = row === undefined || row.quarantinedBy !== undefined ? undefined : storedFile(row)
    if (stored !== undefined) return stored
    if (row === undefined || row.quarantinedBy !== undefined || (row.expiresTs ?? 0) <= nowMs()) throw notFound('There is no such media')
    if (waitedMs + pauseMs > limitMs) throw notYetUploaded()
    await new Promise((resolve) => setTimeout(resolve, pauseMs))
    row = await findMedia(ctx.registry, origin, mediaId)
  }
}

/** Copies that nobody uses are removed: that this one is used is noted, after the answer and not every time. */
function noteUse(ctx: RequestContext, { origin, mediaId, usedTs }: MediaRow): void {
  const now = nowMs()
  if (now - usedTs > TOUCH_MS) ctx.waitUntil(touchMedia(ctx.registry, origin, mediaId, now))
}
