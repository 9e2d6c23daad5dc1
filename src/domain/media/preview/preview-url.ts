import { outboundOf } from '../../../federation/outbound/outbound.ts'
import { OutboundError } from '../../../federation/outbound/outbound-error.ts'
import { invalidParam, limitExceeded, MatrixError, unrecognized } from '../../../matrix/errors.ts'
import { mxcUri } from '../../../matrix/ids/media-id.ts'
import type { JsonObject } from '../../../matrix/json.ts'
import { essenceOf } from '../../../matrix/media/content-type.ts'
import { IMAGE_TYPES, readImageHeader } from '../../../matrix/media/image-header.ts'
import { nowMs } from '../../../runtime/clock.ts'
import { Places } from '../../../runtime/places.ts'
import { randomString } from '../../../runtime/random.ts'
import { PreviewCache } from '../../../storage/cache/previews.ts'
import { fileMedia } from '../../../storage/d1/media.ts'
import { Blobs } from '../../../storage/media/blobs.ts'
import { originalKey } from '../../../storage/media/keys.ts'
import type { RequestContext } from '../../context.ts'
import { BLOB_LENGTH, MEDIA_ID_LENGTH } from '../limits.ts'
import {
  MAX_PREVIEWS_AT_ONCE,
  MAX_URL_CHARS,
  PAGE_BYTES,
  PREVIEW_IMAGE_BYTES,
  PREVIEW_LEASE_MS,
  PREVIEW_LIFETIME_SECONDS,
  PREVIEW_RETRY_MS,
} from './limits.ts'
import { type OpenedUrl, openUrl, type PreviewNetwork } from './open-url.ts'
import { readPage } from './read-page.ts'

const BAD_GATEWAY = 502
/** Bodies are cut off where enough has been read; what is declared longer is begun nevertheless. */
const ANY_LENGTH = Number.MAX_SAFE_INTEGER

const places = new Places(MAX_PREVIEWS_AT_ONCE, PREVIEW_LEASE_MS)

/**
 * What is behind a URL, as far as it says so (client-server-api#get_matrixclientv1mediapreview_url). The caller knows that it is one of our users who asks; the
 * page does not learn who. @throws MatrixError M_UNRECOGNIZED where previews are switched off, M_INVALID_PARAM, M_LIMIT_EXCEEDED, 502 M_UNKNOWN.
 */
export async function previewUrl(ctx: RequestContext, url: string): Promise<JsonObject> {
  const { media } = ctx.config
  if (!media.urlPreviews) throw unrecognized()
  if (url.length > MAX_URL_CHARS || !/^https?:\/\//i.test(url)) throw invalidParam('Previews are made of http and https URLs')
  const cache = new PreviewCache(ctx.env, ctx.requestId)
  const known = await cache.get(url)
  if (known !== undefined) return known
  const leave = places.take()
  if (leave === undefined) throw limitExceeded(PREVIEW_RETRY_MS)
  try {
    const network = { guard: outboundOf(ctx.env).guard, deniedHosts: media.deniedPreviewHosts }
    const preview = await makePreview(ctx, network, url)
    await cache.put(url, preview, PREVIEW_LIFETIME_SECONDS)
    return preview
  } catch (cause) {
    if (!(cause instanceof OutboundError)) throw cause
    throw new MatrixError(BAD_GATEWAY, 'M_UNKNOWN', 'There is no preview of that URL')
  } finally {
    leave()
  }
}

async function makePreview(ctx: RequestContext, network: PreviewNetwork, url: string): Promise<JsonObject> {
  const opened = await openUrl(network, url, 'text/html, application/xhtml+xml, image/*;q=0.8', ANY_LENGTH)
  const type = essenceOf(opened.response.headers.get('content-type') ?? '')
  if (type.startsWith('image/')) return (await rehost(ctx, opened)) ?? {}
  if (!['text/html', 'application/xhtml+xml'].includes(type)) {
    opened.response.body.cancel()
    return {}
  }
  const page = await start(opened, PAGE_BYTES)
  const properties = new Map(await readPage(page.bytes, opened.response.headers.get('content-type') ?? ''))
  const image = properties.get('og:image') ?? properties.get('og:image:url') ?? properties.get('og:image:secure_url')
  // Where the page's own image lies is not for clients: they would ask there themselves.
  for (const name of [...properties.keys()]) if (/^og:(?:image|video|audio)(?::|$)/.test(name)) properties.delete(name)
  return { ...Object.fromEntries(properties), ...(image === undefined ? {} : await imageOf(ctx, network, image, opened.url)) }
}

/** The image that a page names, kept here; nothing where it cannot be had, and no page is followed any further. */
async function imageOf(ctx: RequestContext, network: PreviewNetwork, image: string, page: URL): Promise<JsonObject> {
  const url = URL.parse(image, page)
  if (url === null || url.href.length > MAX_URL_CHARS) return {}
  try {
    return (await rehost(ctx, await openUrl(network, url.href, 'image/*', PREVIEW_IMAGE_BYTES))) ?? {}
  } catch (cause) {
    if (cause instanceof OutboundError) return {}
    throw cause
  }
}

/** Keeps an image among the copies of what others have, so that it goes when nobody looks at it any more. */
async function rehost(ctx: RequestContext, opened: OpenedUrl): Promise<JsonObject | undefined> {
  const { bytes, isWhole } = await start(opened, PREVIEW_IMAGE_BYTES)
  const header = isWhole ? readImageHeader(bytes) : undefined
  if (header === undefined) return undefined
  const [mediaId, blob, now] = [randomString(MEDIA_ID_LENGTH), randomString(BLOB_LENGTH), nowMs()]
  const { serverName: origin } = ctx.config
  const contentType = IMAGE_TYPES[header.kind]
  await new Blobs(ctx.env, ctx.requestId).put(originalKey(blob), bytes)
  await fileMedia(ctx.registry, {
    ...{ origin, mediaId, localpart: undefined, blob, contentType, filename: undefined, bytes: bytes.length },
    ...{ createdTs: now, usedTs: now, expiresTs: undefined, open: ctx.config.media.unauthenticated },
  })
  const isTurned = header.orientation >= 5
  return {
    'og:image': mxcUri(origin, mediaId),
    'og:image:type': contentType,
    'og:image:width': isTurned ? header.height : header.width,
    'og:image:height': isTurned ? header.width : header.height,
    'matrix:image:size': bytes.length,
  }
}

/** The first bytes of an answer, and whether that is all. */
async function start({ response }: OpenedUrl, maxBytes: number): Promise<{ readonly bytes: Uint8Array; readonly isWhole: boolean }> {
  const pieces: Uint8Array[] = []
  let length = 0
  for await (const piece of response.body.chunks()) {
    pieces.push(piece)
    length += piece.length
    if (length > maxBytes) break
  }
  const bytes = new Uint8Array(await new Blob(pieces).arrayBuffer()).subarray(0, maxBytes)
  return { bytes, isWhole: length <= maxBytes }
}
