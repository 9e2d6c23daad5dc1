import { cannotOverwriteMedia, forbidden, limitExceeded, MatrixError, notFound, tooLarge } from '../../matrix/errors.ts'
import { mxcUri } from '../../matrix/ids/media-id.ts'
import { checkedFilename } from '../../matrix/media/content-disposition.ts'
import { checkedContentType } from '../../matrix/media/content-type.ts'
import { nowMs } from '../../runtime/clock.ts'
import { unwrap } from '../../runtime/outcome.ts'
import { randomString } from '../../runtime/random.ts'
import { fileMedia, findMedia, type MediaRow } from '../../storage/d1/media.ts'
import { Blobs } from '../../storage/media/blobs.ts'
import { originalKey } from '../../storage/media/keys.ts'
import { piecesOf, WriteBlobError, writeKnown, writeUnknown } from '../../storage/media/write-blob.ts'
import type { RequestContext } from '../context.ts'
import { MEDIA_ID_LENGTH } from './limits.ts'

/** When a client whose file finds no room in memory should try again, in milliseconds. */
const BUSY_RETRY_MS = 5_000

/** A file as a client sends it. */
export interface UploadInput {
  readonly body: ReadableStream<Uint8Array> | null
  /** `Content-Length`, if there is one. */
  readonly declaredBytes: number | undefined
  readonly contentType: string | null
  readonly filename: string | undefined
}

/** Stores a file; answers its URI. @throws MatrixError M_TOO_LARGE, M_FORBIDDEN (quota), M_LIMIT_EXCEEDED. */
export async function upload(ctx: RequestContext, input: UploadInput): Promise<string> {
  const mediaId = randomString(MEDIA_ID_LENGTH)
  await toTheEnd(ctx, store(ctx, mediaId, input, undefined))
  return mxcUri(ctx.config.serverName, mediaId)
}

/** Makes a URI for a file that will be uploaded later; answers until when that may be, in milliseconds since the epoch. */
export async function createUpload(ctx: RequestContext): Promise<{ readonly uri: string; readonly expiresTs: number }> {
  const { serverName } = ctx.config
  const mediaId = randomString(MEDIA_ID_LENGTH)
  const expiresTs = unwrap(await ctx.session.createUpload(mediaId))
  const now = nowMs()
  await fileMedia(ctx.registry, {
    ...{ origin: serverName, mediaId, localpart: ctx.claimedLocalpart, blob: undefined, contentType: '', filename: undefined },
    ...{ bytes: 0, createdTs: now, usedTs: now, expiresTs, open: ctx.config.media.unauthenticated },
  })
  return { uri: mxcUri(serverName, mediaId), expiresTs }
}

/**
 * Stores the file of a URI that was made before (client-server-api#put_matrixmediav3uploadservernamemediaid).
 * @throws MatrixError M_NOT_FOUND, M_FORBIDDEN (somebody else's), 409 M_CANNOT_OVERWRITE_MEDIA, and what {@link upload} throws.
 */
export async function uploadTo(ctx: RequestContext, mediaId: string, input: UploadInput): Promise<void> {
  unwrap(await ctx.session.whoami())
  const created = await findMedia(ctx.registry, ctx.config.serverName, mediaId)
  if (created === undefined) throw notFound('There is no such media ID')
  if (created.localpart !== ctx.claimedLocalpart) throw forbidden('Somebody else has made that media ID')
  if (created.blob !== undefined) throw cannotOverwriteMedia()
  try {
    await toTheEnd(ctx, store(ctx, mediaId, input, created))
  } catch (cause) {
    // Somebody was faster: the account knows nothing of it any more, the registry everything.
    const isGone = cause instanceof MatrixError && cause.errcode === 'M_NOT_FOUND'
    if (isGone && (await findMedia(ctx.registry, ctx.config.serverName, mediaId))?.blob !== undefined) throw cannotOverwriteMedia()
    throw cause
  }
}

/** Lets an upload clean up behind itself even if its client has gone. */
async function toTheEnd(ctx: RequestContext, work: Promise<void>): Promise<void> {
  ctx.waitUntil(work.catch(() => undefined))
  await work
}

/** Room first, then the bytes, then their entry in the registry: in this order nothing is ever seen that is not there. */
async function store(ctx: RequestContext, mediaId: string, input: UploadInput, created: MediaRow | undefined): Promise<void> {
  const { config } = ctx
  const { declaredBytes } = input
  if (declaredBytes !== undefined && declaredBytes > config.media.uploadMaxBytes) throw tooLargeToUpload(config.media.uploadMaxBytes)
  const granted = unwrap(await ctx.session.beginUpload({ mediaId, bytes: declaredBytes, created: created !== undefined }))
  const room = Math.min(granted, config.media.uploadMaxBytes)
  // An upload takes its time: the account is not held meanwhile.
  ctx.close()
  const blobs = new Blobs(ctx.env, ctx.requestId)
  const key = originalKey(mediaId)
  try {
    const bytes = await write(blobs, key, input, room)
    const now = nowMs()
    const isFiled = await fileMedia(ctx.registry, {
      ...{ origin: config.serverName, mediaId, localpart: ctx.claimedLocalpart, blob: mediaId, bytes },
      ...{ contentType: checkedContentType(input.contentType), filename: checkedFilename(input.filename) },
      ...{ createdTs: now, usedTs: now, expiresTs: undefined, open: config.media.unauthenticated },
    })
    if (!isFiled) throw forbidden('Nothing may be uploaded there')
    unwrap(await ctx.session.finishUpload(mediaId, bytes))
  } catch (cause) {
    if (!(cause instanceof MatrixError && cause.status === 401)) {
      await blobs.delete([key])
      await ctx.session.failUpload(mediaId, created?.expiresTs)
    }
    throw refusalOf(cause, room, config.media.uploadMaxBytes)
  }
}

async function write(blobs: Blobs, key: string, { body, declaredBytes }: UploadInput, room: number): Promise<number> {
  if (body === null) {
    await blobs.put(key, new Uint8Array(0))
    return 0
  }
  if (declaredBytes === undefined) return await writeUnknown(blobs, key, piecesOf(body), room)
  await writeKnown(blobs, key, body, declaredBytes)
  return declaredBytes
}

function refusalOf(cause: unknown, room: number, maxBytes: number): unknown {
  if (!(cause instanceof WriteBlobError)) return cause
  if (cause.failure === 'busy') return limitExceeded(BUSY_RETRY_MS)
  if (cause.failure === 'broken') return new MatrixError(400, 'M_UNKNOWN', 'The upload ended in the middle')
  return room < maxBytes ? forbidden('You have uploaded as much as you may') : tooLargeToUpload(maxBytes)
}

function tooLargeToUpload(maxBytes: number): MatrixError {
  return tooLarge(`Files of more than ${maxBytes} bytes cannot be uploaded here`)
}
