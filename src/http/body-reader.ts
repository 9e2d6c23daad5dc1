import { badJson, notJson, tooLarge } from '../matrix/errors.ts'
import { isJsonObject, type JsonObject, type JsonValue } from '../matrix/json.ts'
import { parseStrictJson, type StrictJsonOptions, strictJsonError } from '../matrix/strict-json.ts'

/** Bytes of a request body unless the endpoint says otherwise (SECURITY P1). */
export const DEFAULT_MAX_BODY_BYTES = 1024 * 1024

/** Longest body that room is made for before any of it has come. */
const MAX_AT_ONCE_BYTES = 64 * 1024

/** What an endpoint accepts as its body. */
export interface BodyOptions {
  readonly maxBytes: number
  /** An absent body counts as `{}`; without this it is not JSON. */
  readonly emptyBody: boolean
  /** Which numbers are accepted: `integers` where the body becomes part of an event. */
  readonly numbers: NonNullable<StrictJsonOptions['numbers']>
}

/**
 * The JSON object in a request's body, whatever the content type says. Stops reading at `maxBytes`, also when there is no Content-Length
 * or a false one.
 * @throws MatrixError M_TOO_LARGE, M_NOT_JSON (not JSON, not UTF-8), M_BAD_JSON (not an object, too deep, duplicate keys, bad numbers).
 */
export async function readJsonObject(request: Request, options: BodyOptions): Promise<JsonObject> {
  const bytes = await readBytes(request, options.maxBytes)
  const value: JsonValue = bytes.length === 0 && options.emptyBody ? {} : parse(decodeUtf8(bytes), options)
  if (!isJsonObject(value)) throw badJson('The request body must be a JSON object')
  return value
}

function parse(text: string, { numbers }: BodyOptions): JsonValue {
  const parsed = parseStrictJson(text, { numbers })
  if (!parsed.ok) throw strictJsonError(parsed.reason)
  return parsed.value
}

/** A request's body as text. @throws MatrixError M_TOO_LARGE, M_NOT_JSON (not UTF-8). */
export async function readText(request: Request, maxBytes: number): Promise<string> {
  return decodeUtf8(await readBytes(request, maxBytes))
}

/** The whole body, at most `maxBytes` of it. */
async function readBytes(request: Request, maxBytes: number): Promise<Uint8Array> {
  const declared = request.headers.get('content-length')
  if (declared !== null && Number(declared) > maxBytes) throw tooLarge(`The request body has more than ${maxBytes} bytes`)
  if (request.body === null) return new Uint8Array(0)
  const length = declared === null ? Number.NaN : Number(declared)
  if (length <= MAX_AT_ONCE_BYTES) {
    const whole = await readAtOnce(request.body, length)
    if (whole !== undefined) return whole
  }
  return readBitByBit(request.body, maxBytes)
}

/** Reads a short body of a known length in one go; answers `undefined`, with nothing read, where the stream does not offer that. */
async function readAtOnce(body: ReadableStream<Uint8Array>, length: number): Promise<Uint8Array | undefined> {
  const reader = byteReader(body)
  if (reader === undefined) return undefined
  // One byte more than there should be: this read then sees the end, and whether the length was a lie.
  const { value } = await reader.readAtLeast(length + 1, new Uint8Array(length + 1))
  if (value === undefined) return new Uint8Array(0)
  if (value.length > length) {
    await reader.cancel()
    throw tooLarge('The request body has more bytes than its Content-Length says')
  }
  return value
}

/** Streams that are not made of bytes, as some callers inside the platform pass them, have no such reader. */
function byteReader(body: ReadableStream<Uint8Array>): ReadableStreamBYOBReader | undefined {
  try {
    return body.getReader({ mode: 'byob' })
  } catch {
    return undefined
  }
}

async function readBitByBit(body: ReadableStream<Uint8Array>, maxBytes: number): Promise<Uint8Array> {
  const reader: ReadableStreamDefaultReader<Uint8Array> = body.getReader()
  const chunks: Uint8Array[] = []
  let length = 0
  for (;;) {
    const chunk = await reader.read()
    if (chunk.done) break
    length += chunk.value.length
    if (length > maxBytes) {
      await reader.cancel()
      throw tooLarge(`The request body has more than ${maxBytes} bytes`)
    }
    chunks.push(chunk.value)
  }
  return join(chunks, length)
}

function join(chunks: readonly Uint8Array[], length: number): Uint8Array {
  const [first] = chunks
  if (first !== undefined && chunks.length === 1) return first
  const whole = new Uint8Array(length)
  let at = 0
  for (const chunk of chunks) {
    whole.set(chunk, at)
    at += chunk.length
  }
  return whole
}

// A byte order mark is kept, so that it is refused like any other character before the value.
const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

function decodeUtf8(bytes: Uint8Array): string {
  try {
    return UTF8.decode(bytes)
  } catch {
    throw notJson('The request body is not UTF-8')
  }
}
