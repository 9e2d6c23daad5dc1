import { CORS_HEADERS } from './cors.ts'

/** A file to be answered with. */
export interface ServedFile {
  readonly contentType: string
  /** `Content-Disposition`. */
  readonly disposition: string
  readonly bytes: number
  /** Changes with the content, without quotes. */
  readonly etag: string
  /** The content, or a part of it; `undefined` if it is gone. */
  open(range?: ByteRange): Promise<ReadableStream<Uint8Array> | undefined>
}

/** Bytes from `offset` on. */
export interface ByteRange {
  readonly offset: number
  readonly length: number
}

/**
 * What keeps a file from doing anything but being shown (SECURITY M1; client-server-api#content-repository recommends it), and others than who asked
 * from storing it. Under one URL there is always the same file, so that it may be kept for a day.
 */
const FILE_HEADERS: Readonly<Record<string, string>> = {
  ...CORS_HEADERS,
  'Content-Security-Policy':
    "sandbox; default-src 'none'; script-src 'none'; plugin-types application/pdf; style-src 'unsafe-inline'; media-src 'self'; object-src 'self';",
  'X-Content-Type-Options': 'nosniff',
  'Cross-Origin-Resource-Policy': 'cross-origin',
  'Referrer-Policy': 'no-referrer',
  'X-Robots-Tag': 'noindex, nofollow, noarchive, noimageindex',
  'Cache-Control': 'private, max-age=86400, immutable',
  'Accept-Ranges': 'bytes',
}

/**
 * A file as the answer to a request, with one range of it if that is all that is wanted (RFC 9110 section 14); `undefined` if it is gone. Nothing
 * is read where the client has it.
 */
export async function fileResponse(request: Request, file: ServedFile): Promise<Response | undefined> {
  const etag = `"${file.etag}"`
  const headers: Record<string, string> = {
    ...FILE_HEADERS,
    'Content-Type': file.contentType,
    'Content-Disposition': file.disposition,
    ETag: etag,
  }
  if (matches(request.headers.get('if-none-match'), etag)) return new Response(null, { status: 304, headers })
  const ifRange = request.headers.get('if-range')
  const range = ifRange === null || ifRange === etag ? rangeOf(request.headers.get('range'), file.bytes) : undefined
  if (range === 'unsatisfiable') {
    return new Response(null, { status: 416, headers: { ...FILE_HEADERS, 'Content-Range': `bytes */${file.bytes}` } })
  }
  const body = await file.open(range)
  if (body === undefined) return undefined
  if (range === undefined) return new Response(ofLength(body, file.bytes), { headers })
  const { offset, length } = range
  const partial = { ...headers, 'Content-Range': `bytes ${offset}-${offset + length - 1}/${file.bytes}` }
  return new Response(ofLength(body, length), { status: 206, headers: partial })
}

function matches(ifNoneMatch: string | null, etag: string): boolean {
  if (ifNoneMatch === null) return false
  return ifNoneMatch.split(',').some((entry) => ['*', etag].includes(entry.trim().replace(/^W\//, '')))
}

/** The range that a request asks for; `undefined` where it asks for everything, or for what is answered with everything: several ranges. */
function rangeOf(header: string | null, bytes: number): ByteRange | 'unsatisfiable' | undefined {
  const [, first = '', last = ''] = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header?.trim() ?? '') ?? []
  if (first === '' && last === '') return undefined
  if (first === '') {
    const length = Math.min(Number(last), bytes)
    return length === 0 ? 'unsatisfiable' : { offset: bytes - length, length }
  }
  const offset = Number(first)
  if (offset >= bytes) return 'unsatisfiable'
  const end = last === '' ? bytes - 1 : Math.min(Number(last), bytes - 1)
  return end < offset ? undefined : { offset, length: end - offset + 1 }
}

/** A stream that the platform knows the length of, so that the answer says it. A reader that goes away ends the source. */
function ofLength(body: ReadableStream<Uint8Array>, bytes: number): ReadableStream<Uint8Array> {
  const { readable, writable } = new FixedLengthStream(bytes)
  body.pipeTo(writable).catch(() => undefined)
  return readable
}

/**
 * A file as another server receives it (server-server-api#get_matrixfederationv1mediadownloadmediaid): what there is to say about it, which is
 * nothing, and its bytes; `undefined` if it is gone. @param boundary a text that is not in the file, random and long.
 */
export async function multipartFileResponse(file: ServedFile, boundary: string): Promise<Response | undefined> {
  const body = await file.open()
  if (body === undefined) return undefined
  const encoder = new TextEncoder()
  const head = encoder.encode(
    `--${boundary}\r\nContent-Type: application/json\r\n\r\n{}\r\n--${boundary}\r\n` +
      `Content-Type: ${file.contentType}\r\nContent-Disposition: ${file.disposition}\r\n\r\n`,
  )
  const tail = encoder.encode(`\r\n--${boundary}--\r\n`)
  const { readable, writable } = new FixedLengthStream(head.length + file.bytes + tail.length)
  const send = async (): Promise<void> => {
    const first = writable.getWriter()
    await first.write(head)
    first.releaseLock()
    await body.pipeTo(writable, { preventClose: true })
    const last = writable.getWriter()
    await last.write(tail)
    await last.close()
  }
  send().catch((cause: unknown) => writable.abort(cause).catch(() => undefined))
  // Without quotes, which Synapse takes for a part of it.
  return new Response(readable, { headers: { 'Content-Type': `multipart/mixed; boundary=${boundary}`, 'Cache-Control': 'no-store' } })
}
