import { Lru } from '../../federation/outbound/lru.ts'
import { fetchMedia, type RemoteFile } from '../../federation/outbound/media/fetch-media.ts'
import { outboundOf } from '../../federation/outbound/outbound.ts'
import { clientError, OutboundError, RemoteRefusal } from '../../federation/outbound/outbound-error.ts'
import { Buckets } from '../../http/rate-limit.ts'
import { limitExceeded, MatrixError, notFound, notYetUploaded } from '../../matrix/errors.ts'
import { nowMs } from '../../runtime/clock.ts'
import { randomString } from '../../runtime/random.ts'
import { fileMedia, findMedia } from '../../storage/d1/media.ts'
import { Blobs } from '../../storage/media/blobs.ts'
import { originalKey } from '../../storage/media/keys.ts'
import { WriteBlobError, writeUnknown } from '../../storage/media/write-blob.ts'
import type { RequestContext } from '../context.ts'
import { BLOB_LENGTH, FAILURE_MS, FETCH_LEASE_MS, FETCH_LIMIT, FIRST_PAUSE_MS, LONGEST_PAUSE_MS, MAX_FAILURES } from './limits.ts'
import { type StoredFile, storedFile } from './stored-file.ts'

const BUSY_RETRY_MS = 5_000
const BAD_GATEWAY = 502

/** Files that this isolate is fetching, and since when. Requests must not wait for promises of one another: those who want the same file look. */
const underWay = new Map<string, number>()
/** Files that could not be fetched a moment ago, and why. */
const failures = new Lru<string, { readonly atMs: number; readonly error: MatrixError }>(MAX_FAILURES)

/** Fetches by user, or by address of who has shown no access token: what is here already costs others nothing. */
const fetches = new Buckets()

/**
 * Another server's file, fetched and kept. Whoever wants the same file meanwhile waits for this one fetch.
 * @throws MatrixError as {@link fetchFailure} says.
 */
export async function fetchCopy(ctx: RequestContext, origin: string, mediaId: string, timeoutMs: number): Promise<StoredFile> {
  const name = `${origin}/${mediaId}`
  const sinceMs = underWay.get(name)
  if (sinceMs !== undefined && nowMs() - sinceMs < FETCH_LEASE_MS) {
    const fetched = await afterOther(ctx, origin, mediaId, name)
    if (fetched !== undefined) return fetched
  }
  const failed = failures.get(name)
  if (failed !== undefined && nowMs() - failed.atMs < FAILURE_MS) throw failed.error
  const startedMs = nowMs()
  const retryMs = ctx.config.rateLimits ? fetches.take(ctx.claimedUserId ?? ctx.clientAddress, FETCH_LIMIT, startedMs) : 0
  if (retryMs > 0) throw limitExceeded(retryMs)
  underWay.set(name, startedMs)
  const work = fetchAndFile(ctx, origin, mediaId, timeoutMs)
    .catch((cause: unknown) => {
      const error = fetchFailure(cause)
      if (error instanceof MatrixError && error.errcode !== 'M_LIMIT_EXCEEDED' && error.errcode !== 'M_NOT_YET_UPLOADED') {
        failures.set(name, { atMs: nowMs(), error })
      }
      throw error
    })
    .finally(() => {
      if (underWay.get(name) === startedMs) underWay.delete(name)
    })
  // The next one who asks has it, even if this one does not wait.
  ctx.waitUntil(work.catch(() => undefined))
  return await work
}

/** Waits until nobody fetches the file any more; answers it if it is there then. */
async function afterOther(ctx: RequestContext, origin: string, mediaId: string, name: string): Promise<StoredFile | undefined> {
  let pauseMs = FIRST_PAUSE_MS
  for (let waitedMs = 0; underWay.has(name) && waitedMs < FETCH_LEASE_MS; waitedMs += pauseMs) {
    await new Promise((resolve) => setTimeout(resolve, pauseMs))
    pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS)
  }
  const row = await findMedia(ctx.registry, origin, mediaId)
  if (row?.quarantinedBy !== undefined) throw notFound('There is no such media')
  return row === undefined ? undefined : storedFile(row)
}

async function fetchAndFile(ctx: RequestContext, origin: string, mediaId: string, timeoutMs: number): Promise<StoredFile> {
  const { remoteMaxBytes: maxBytes, unauthenticated } = ctx.config.media
  const file = await fetchMedia(outboundOf(ctx.env), { serverName: origin, mediaId, timeoutMs, maxBytes })
  const blobs = new Blobs(ctx.env, ctx.requestId)
  const blob = randomString(BLOB_LENGTH)
  const bytes = await keep(blobs, blob, file, maxBytes)
  const now = nowMs()
  const { contentType, filename } = file
  const row = { origin, mediaId, localpart: undefined, blob, contentType, filename, bytes }
  const filed = { ...row, createdTs: now, usedTs: now, expiresTs: undefined, open: unauthenticated }
  if (await fileMedia(ctx.registry, filed)) return { ...filed, quarantinedBy: undefined }
  // Another isolate was faster, or somebody has forbidden the file meanwhile.
  await blobs.delete([originalKey(blob)])
  const other = await findMedia(ctx.registry, origin, mediaId)
  const stored = other === undefined || other.quarantinedBy !== undefined ? undefined : storedFile(other)
  if (stored === undefined) throw notFound('There is no such media')
  return stored
}

async function keep(blobs: Blobs, blob: string, { pieces }: RemoteFile, maxBytes: number): Promise<number> {
  try {
    return await writeUnknown(blobs, originalKey(blob), pieces, maxBytes)
  } finally {
    await pieces.return()
  }
}

/** What a client is told when another server's file could not be had: 502 M_TOO_LARGE, 504 M_NOT_YET_UPLOADED, or what {@link clientError} says. */
export function fetchFailure(cause: unknown): unknown {
  if (cause instanceof WriteBlobError && cause.failure === 'busy') return limitExceeded(BUSY_RETRY_MS)
  const isTooLarge =
    cause instanceof WriteBlobError ? cause.failure === 'too_large' : cause instanceof OutboundError && cause.failure === 'too_large'
  const saidTooLarge = cause instanceof RemoteRefusal && cause.errcode === 'M_TOO_LARGE'
  if (isTooLarge || saidTooLarge)
    return new MatrixError(BAD_GATEWAY, 'M_TOO_LARGE', 'That media is too large to be fetched from its server')
  if (cause instanceof RemoteRefusal && cause.errcode === 'M_NOT_YET_UPLOADED') return notYetUploaded()
  if (cause instanceof MatrixError || cause instanceof OutboundError) return clientError(cause, 'The server of that media')
  return cause
}
