import { filenameOf } from '../../../matrix/media/content-disposition.ts'
import { checkedContentType } from '../../../matrix/media/content-type.ts'
import type { FederationClient } from '../client.ts'
import { type Guard, guardedFetch } from '../guarded-fetch.ts'
import { MEDIA_MAX_REDIRECTS, MEDIA_METADATA_BYTES, MEDIA_TIMEOUT_MS } from '../limits.ts'
import { OutboundError, RemoteRefusal } from '../outbound-error.ts'
import { boundaryOf, MultipartReader } from './multipart.ts'

/** A file of another server on its way. Read it to the end or end its iteration early. */
export interface RemoteFile {
  readonly contentType: string
  readonly filename: string | undefined
  readonly pieces: AsyncGenerator<Uint8Array, void, undefined>
}

/** What is asked for. */
export interface RemoteFileRequest {
  readonly serverName: string
  readonly mediaId: string
  /** How long the server may wait for somebody to upload it. */
  readonly timeoutMs: number
  readonly maxBytes: number
}

/** What asking needs. */
export interface MediaNetwork {
  readonly client: FederationClient
  readonly guard: Guard
}

/**
 * A file from the server that it is of (server-server-api#content-repository): signed; without a signature, as it was before v1.11, only from a
 * server that knows no better.
 * @throws OutboundError
 */
export async function fetchMedia(network: MediaNetwork, request: RemoteFileRequest): Promise<RemoteFile> {
  try {
    return await fetchSigned(network, request)
  } catch (cause) {
    if (!(cause instanceof RemoteRefusal) || !isUnknownEndpoint(cause)) throw cause
    return await fetchUnsigned(network, request)
  }
}

/** What says that a server has no such endpoint, rather than no such file: M_UNRECOGNIZED, or an answer that is not Matrix's. */
function isUnknownEndpoint({ status, errcode }: RemoteRefusal): boolean {
  return errcode === 'M_UNRECOGNIZED' || (errcode === undefined && [400, 404, 405].includes(status))
}

async function fetchSigned(network: MediaNetwork, request: RemoteFileRequest): Promise<RemoteFile> {
  const { serverName, mediaId, timeoutMs, maxBytes } = request
  const { headers, body } = await network.client.answer(serverName, {
    method: 'GET',
    path: `/_matrix/federation/v1/media/download/${mediaId}?timeout_ms=${timeoutMs}`,
    timeoutMs: timeoutMs + MEDIA_TIMEOUT_MS,
    maxBytes: maxBytes + 2 * MEDIA_METADATA_BYTES,
    accept: 'multipart/mixed',
  })
  const pieces = body.chunks()
  try {
    const reader = new MultipartReader(pieces, boundaryOf(headers.get('content-type')))
    await reader.skip(MEDIA_METADATA_BYTES)
    await reader.headers()
    await reader.skip(MEDIA_METADATA_BYTES)
    const part = await reader.headers()
    const location = part.get('location')
    if (location !== undefined) {
      await pieces.return()
      return await fetchFrom(network.guard, location, maxBytes)
    }
    return fileOf(part.get('content-type'), part.get('content-disposition'), bodyThenEnd(reader, pieces))
  } catch (cause) {
    await pieces.return()
    throw cause
  }
}

/** A part's body; what follows it is not waited for. */
async function* bodyThenEnd(
  reader: MultipartReader,
  pieces: AsyncGenerator<Uint8Array, void, undefined>,
): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    yield* reader.body()
  } finally {
    await pieces.return()
  }
}

/** A file from where its server has put it: anywhere, so that nothing is sent there but the question. */
async function fetchFrom(guard: Guard, url: string, maxBytes: number): Promise<RemoteFile> {
  const request = { url, headers: { accept: '*/*' }, timeoutMs: MEDIA_TIMEOUT_MS, maxBytes, maxRedirects: MEDIA_MAX_REDIRECTS }
  const { status, headers, body } = await guardedFetch(guard, request)
  if (status !== 200) {
    body.cancel()
    throw new OutboundError('invalid', `the file is not where it should be: status ${status}`)
  }
  return fileOf(headers.get('content-type'), headers.get('content-disposition'), body.chunks())
}

async function fetchUnsigned({ client }: MediaNetwork, request: RemoteFileRequest): Promise<RemoteFile> {
  const { serverName, mediaId, timeoutMs, maxBytes } = request
  const query = `allow_remote=false&allow_redirect=true&timeout_ms=${timeoutMs}`
  const { headers, body } = await client.answer(serverName, {
    method: 'GET',
    path: `/_matrix/media/v3/download/${encodeURIComponent(serverName)}/${mediaId}?${query}`,
    signed: false,
    timeoutMs: timeoutMs + MEDIA_TIMEOUT_MS,
    maxBytes,
    accept: '*/*',
    maxRedirects: MEDIA_MAX_REDIRECTS,
  })
  return fileOf(headers.get('content-type'), headers.get('content-disposition'), body.chunks())
}

function fileOf(contentType: string | null | undefined, disposition: string | null | undefined, pieces: RemoteFile['pieces']): RemoteFile {
  return { contentType: checkedContentType(contentType), filename: filenameOf(disposition), pieces }
}
