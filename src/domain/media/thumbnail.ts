import type { ByteRange, ServedFile } from '../../http/file-response.ts'
import { limitExceeded, MatrixError } from '../../matrix/errors.ts'
import { contentDisposition } from '../../matrix/media/content-disposition.ts'
import { UNKNOWN_TYPE } from '../../matrix/media/content-type.ts'
import { IMAGE_TYPES, type ImageHeader, readImageHeader } from '../../matrix/media/image-header.ts'
import { type ThumbnailVariant, type ThumbnailWish, variantFor } from '../../matrix/media/thumbnail-variants.ts'
import { log } from '../../runtime/log.ts'
import { Places } from '../../runtime/places.ts'
import { Blobs } from '../../storage/media/blobs.ts'
import { originalKey, thumbnailKey } from '../../storage/media/keys.ts'
import type { RequestContext } from '../context.ts'
import { makeThumbnail } from './image/make-thumbnail.ts'
import {
  IMAGE_HEAD_BYTES,
  MAX_ORIGINAL_BYTES,
  MAX_SOURCE_BYTES,
  MAX_THUMBNAILS_AT_ONCE,
  THUMBNAIL_LEASE_MS,
  THUMBNAIL_PAUSE_MS,
  THUMBNAIL_TURN_MS,
} from './limits.ts'
import type { StoredFile } from './stored-file.ts'

/** A thumbnail that a client wishes for; `animated`: it may move. */
export interface ThumbnailRequest extends ThumbnailWish {
  readonly animated: boolean
}

const BUSY_RETRY_MS = 2_000
const BAD_GATEWAY = 502
const CONTENT_TOO_LARGE = 413

/**
 * A thumbnail of a file, made now if this is the first request for one of its size. Images that need none, or of which none can be made, are their
 * own thumbnails while they are small enough (client-server-api#thumbnails).
 * @throws MatrixError 400 M_UNKNOWN (not an image), 413 or for other servers' files 502 M_TOO_LARGE, M_LIMIT_EXCEEDED.
 */
export async function thumbnailOf(ctx: RequestContext, file: StoredFile, wish: ThumbnailRequest): Promise<ServedFile> {
  const blobs = new Blobs(ctx.env, ctx.requestId)
  const variant = variantFor(wish)
  if (wish.animated || variant === undefined) {
    const header = await headerOf(blobs, file)
    if (header === undefined) throw notAnImage()
    const isWanted = variant === undefined ? wish.animated || !header.animated : header.animated
    if (isWanted && file.bytes <= MAX_ORIGINAL_BYTES) return original(blobs, file, IMAGE_TYPES[header.kind])
    if (variant === undefined && !header.animated) throw tooLarge(ctx, file)
  }
  // Nothing that large is made; the largest that is has to do for what must not move.
  return await stillThumbnail(ctx, blobs, file, variant ?? LARGEST)
}

const LARGEST = { name: '1600x1200-scale', width: 1600, height: 1200, method: 'scale' } as const

async function stillThumbnail(ctx: RequestContext, blobs: Blobs, file: StoredFile, variant: ThumbnailVariant): Promise<ServedFile> {
  const known = await readThumbnail(ctx, blobs, file, variant)
  if (known !== undefined) return known
  if (file.bytes > MAX_SOURCE_BYTES) throw tooLarge(ctx, file)
  const leave = await turns.wait(THUMBNAIL_TURN_MS, THUMBNAIL_PAUSE_MS)
  if (leave === undefined) throw limitExceeded(BUSY_RETRY_MS)
  try {
    // Somebody else may have made it meanwhile.
    const made = await readThumbnail(ctx, blobs, file, variant)
    if (made !== undefined) return made
    const work = makeAndKeep(ctx, blobs, file, variant)
    // Whoever asks next has it, even if this one does not wait.
    ctx.waitUntil(work.catch(() => undefined))
    await work
  } finally {
    leave()
  }
  const thumbnail = await readThumbnail(ctx, blobs, file, variant)
  if (thumbnail === undefined) throw notAnImage()
  return thumbnail
}

/**
 * What is kept in a thumbnail's place: the thumbnail; or nothing, with the type under which the original takes its place; or nothing without a
 * type, where there is none.
 */
async function readThumbnail(
  ctx: RequestContext,
  blobs: Blobs,
  file: StoredFile,
  variant: ThumbnailVariant,
): Promise<ServedFile | undefined> {
  const key = thumbnailKey(file.blob, variant)
  const stored = await blobs.get(key)
  if (stored === undefined) return undefined
  const contentType = stored.httpMetadata?.contentType ?? UNKNOWN_TYPE
  if (stored.size > 0) {
    const disposition = contentDisposition(contentType, `thumbnail.${contentType === IMAGE_TYPES.png ? 'png' : 'jpg'}`)
    const open = async (range?: ByteRange) => {
      if (range === undefined) return stored.body
      await stored.body.cancel()
      return (await blobs.get(key, range))?.body
    }
    return { contentType, disposition, bytes: stored.size, etag: `${file.blob}-${variant.name}`, open }
  }
  await stored.arrayBuffer()
  if (contentType === UNKNOWN_TYPE) throw notAnImage()
  if (file.bytes > MAX_ORIGINAL_BYTES) throw tooLarge(ctx, file)
  return original(blobs, file, contentType)
}

async function makeAndKeep(ctx: RequestContext, blobs: Blobs, file: StoredFile, variant: ThumbnailVariant): Promise<void> {
  const source = await blobs.get(originalKey(file.blob))
  if (source === undefined) throw notAnImage()
  const bytes = new Uint8Array(await source.arrayBuffer())
  const header = readImageHeader(bytes)
  const key = thumbnailKey(file.blob, variant)
  if (header === undefined) return await blobs.put(key, new Uint8Array(0), UNKNOWN_TYPE)
  const { thumbnailMaxPixels } = ctx.config.media
  const thumbnail = header.width * header.height > thumbnailMaxPixels ? undefined : attempt(bytes, header, variant)
  if (thumbnail !== undefined) return await blobs.put(key, thumbnail.bytes, thumbnail.contentType)
  // What moves must not be given to those who do not want that.
  await blobs.put(key, new Uint8Array(0), header.animated ? UNKNOWN_TYPE : IMAGE_TYPES[header.kind])
}

function attempt(bytes: Uint8Array, header: ImageHeader, variant: ThumbnailVariant): ReturnType<typeof makeThumbnail> {
  try {
    return makeThumbnail(bytes, header, variant)
  } catch (cause) {
    // A decoder has given up on what somebody has uploaded: no fault of this server.
    log.debug(`no thumbnail can be made of an image: ${cause instanceof Error ? cause.message : 'the decoder failed'}`)
    return undefined
  }
}

async function headerOf(blobs: Blobs, file: StoredFile): Promise<ImageHeader | undefined> {
  if (file.bytes === 0) return undefined
  const head = await blobs.get(originalKey(file.blob), { offset: 0, length: Math.min(file.bytes, IMAGE_HEAD_BYTES) })
  return head === undefined ? undefined : readImageHeader(new Uint8Array(await head.arrayBuffer()))
}

/** The file itself, under the type that its bytes say: what its uploader says it is counts for nothing here (SECURITY M4). */
function original(blobs: Blobs, file: StoredFile, contentType: string): ServedFile {
  const open = async (range?: ByteRange) => (await blobs.get(originalKey(file.blob), range))?.body
  return { contentType, disposition: contentDisposition(contentType, file.filename), bytes: file.bytes, etag: file.blob, open }
}

const turns = new Places(MAX_THUMBNAILS_AT_ONCE, THUMBNAIL_LEASE_MS)

function notAnImage(): MatrixError {
  return new MatrixError(400, 'M_UNKNOWN', 'Cannot make thumbnails of that media')
}

function tooLarge(ctx: RequestContext, { origin }: StoredFile): MatrixError {
  const status = origin === ctx.config.serverName ? CONTENT_TOO_LARGE : BAD_GATEWAY
  return new MatrixError(status, 'M_TOO_LARGE', 'That media is too large to make thumbnails of')
}
