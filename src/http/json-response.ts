import type { JsonObject } from '../matrix/json.ts'
import { CORS_HEADERS } from './cors.ts'

/** JSON text that is already serialized, e.g. joined from stored events. */
export class RawJson {
  readonly text: string
  constructor(text: string) {
    this.text = text
  }
}

/** Wraps JSON text so that it is sent as it is. The caller vouches that it is valid JSON. */
export function rawJson(text: string): RawJson {
  return new RawJson(text)
}

/** What a handler may return: a plain object, text of JSON, or a whole response when status or headers matter. */
export type HandlerResult = JsonObject | RawJson | Response

/** Further headers of an answer. */
export interface AnswerOptions {
  readonly status?: number
  readonly requestId?: string
  /** `Cache-Control`; without it answers are `no-store`. */
  readonly cacheControl?: string
  readonly headers?: Readonly<Record<string, string>>
}

/** JSON with CORS headers, not to be stored by any cache unless told otherwise (R11). */
export function jsonResponse(body: JsonObject | RawJson, options: AnswerOptions = {}): Response {
  const text = body instanceof RawJson ? body.text : JSON.stringify(body)
  return new Response(text, { status: options.status ?? 200, headers: headersOf(options) })
}

/** {@link jsonResponse} for JSON that is made while it is sent. A failure underway breaks the connection off. */
export function streamedJson(chunks: AsyncIterable<string>, options: AnswerOptions = {}): Response {
  const encoder = new TextEncoder()
  const iterator = chunks[Symbol.asyncIterator]()
  const body = new ReadableStream<Uint8Array>({
    pull: async (controller) => {
      const { done, value } = await iterator.next()
      if (done === true) controller.close()
      else controller.enqueue(encoder.encode(value))
    },
    cancel: async () => {
      await iterator.return?.()
    },
  })
  return new Response(body, { status: options.status ?? 200, headers: headersOf(options) })
}

function headersOf(options: AnswerOptions): Record<string, string> {
  const headers: Record<string, string> = {
    ...CORS_HEADERS,
    'Content-Type': 'application/json',
    'Cache-Control': options.cacheControl ?? 'no-store',
    'X-Content-Type-Options': 'nosniff',
    ...options.headers,
  }
  if (options.requestId !== undefined) headers['X-Request-Id'] = options.requestId
  return headers
}
