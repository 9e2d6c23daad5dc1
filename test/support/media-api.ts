import { createExecutionContext } from 'cloudflare:test'
import { env, exports } from 'cloudflare:workers'
import { app } from '../../src/app.ts'
import type { Env } from '../../src/runtime/bindings.ts'
import { call, type TestSession } from './api-client.ts'

/** An answer with a file, or with a refusal. */
export interface FileAnswer {
  readonly status: number
  readonly headers: Headers
  readonly bytes: Uint8Array
  /** The errcode of a refusal. */
  readonly errcode: string | undefined
}

/** What a request for a file may carry. */
export interface FileOptions {
  readonly token?: string | undefined
  readonly headers?: Readonly<Record<string, string>>
  /** Variables that differ from the usual ones, in the Worker only. */
  readonly variables?: Partial<Env>
}

/** Asks for a file at a path from the root. */
export async function getFile(path: string, options: FileOptions = {}): Promise<FileAnswer> {
  const headers = new Headers(options.headers)
  if (options.token !== undefined) headers.set('Authorization', `Bearer ${options.token}`)
  const request = new Request(`https://test.example${path}`, { headers })
  const response =
    options.variables === undefined
      ? await exports.default.fetch(request)
      : await app.fetch(request, { ...env, ...options.variables }, createExecutionContext())
  const bytes = new Uint8Array(await response.arrayBuffer())
  const isJson = response.status >= 400 && response.headers.get('content-type') === 'application/json'
  const errcode: unknown = isJson ? JSON.parse(new TextDecoder().decode(bytes)).errcode : undefined
  return { status: response.status, headers: response.headers, bytes, errcode: typeof errcode === 'string' ? errcode : undefined }
}

/** Path of a file behind its URI. */
export function pathOf(uri: string): string {
  return uri.replace('mxc://', '')
}

/** Downloads a file by its URI, with an access token. */
export function download(who: TestSession, uri: string, options: FileOptions & { readonly suffix?: string } = {}): Promise<FileAnswer> {
  return getFile(`/_matrix/client/v1/media/download/${pathOf(uri)}${options.suffix ?? ''}`, { token: who.token, ...options })
}

/** Uploads a file; answers its URI. */
export async function uploadFile(
  who: TestSession,
  body: Uint8Array | string | ReadableStream<Uint8Array>,
  {
    type = 'text/plain',
    filename,
    variables,
  }: { readonly type?: string; readonly filename?: string; readonly variables?: Partial<Env> } = {},
): Promise<string> {
  const { status, body: answer } = await tryUpload(who, body, { type, filename, variables })
  if (status !== 200) throw new Error(`${status} ${JSON.stringify(answer)}`)
  return answer.content_uri
}

/** Tries to. */
export function tryUpload(
  who: TestSession,
  body: Uint8Array | string | ReadableStream<Uint8Array>,
  options: { readonly type?: string; readonly filename?: string | undefined; readonly variables?: Partial<Env> | undefined } = {},
): ReturnType<typeof call> {
  const query = options.filename === undefined ? '' : `?filename=${encodeURIComponent(options.filename)}`
  return call('POST', `/_matrix/media/v3/upload${query}`, {
    token: who.token,
    body,
    headers: { 'Content-Type': options.type ?? 'text/plain' },
    ...(options.variables !== undefined && { variables: options.variables }),
  })
}

/** Bytes that differ from one another, as many as wanted. */
export function someBytes(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, index) => (index * 31 + (index >> 8)) & 0xff)
}

/** A body that comes in pieces and does not say how long it is. */
export function inPieces(bytes: Uint8Array, pieceLength: number): ReadableStream<Uint8Array> {
  let at = 0
  return new ReadableStream({
    pull: (controller) => {
      if (at >= bytes.length) return controller.close()
      controller.enqueue(bytes.slice(at, at + pieceLength))
      at += pieceLength
    },
  })
}
