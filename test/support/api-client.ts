import { createExecutionContext } from 'cloudflare:test'
import { env, exports } from 'cloudflare:workers'
import { app } from '../../src/app.ts'
import type { Env } from '../../src/runtime/bindings.ts'

/** Password of accounts that {@link registerAccount} makes. */
export const PASSWORD = 'correct horse battery staple'
export const SERVER_NAME = 'test.example'
const ORIGIN = `https://${SERVER_NAME}`

/** What a request may carry. A string or bytes as body are sent as they are. */
export interface CallOptions {
  readonly token?: string | undefined
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
  /** Variables that differ from the usual ones, in the Worker only: objects keep theirs. */
  readonly variables?: Partial<Env>
}

/** An answer, its body parsed. */
export interface Answer {
  readonly status: number
  readonly headers: Headers
  // biome-ignore lint/suspicious/noExplicitAny: tests look into bodies of every shape.
  readonly body: any
}

/** Sends a request to the Worker under test. Paths that start with neither `/_` nor `/.` are of the client API. */
export async function call(method: string, path: string, options: CallOptions = {}): Promise<Answer> {
  const url = `${ORIGIN}${/^\/[_.]/.test(path) ? path : `/_matrix/client/v3${path}`}`
  const headers = new Headers(options.headers)
  if (options.token !== undefined) headers.set('Authorization', `Bearer ${options.token}`)
  const request = new Request(url, { method, headers, ...bodyOf(options.body) })
  const response =
    options.variables === undefined
      ? await exports.default.fetch(request)
      : await app.fetch(request, { ...env, ...options.variables }, createExecutionContext())
  const text = await response.text()
  return { status: response.status, headers: response.headers, body: text === '' ? undefined : JSON.parse(text) }
}

function bodyOf(body: unknown): { body: BodyInit } | Record<string, never> {
  if (body === undefined) return {}
  if (typeof body === 'string' || body instanceof Uint8Array || body instanceof ReadableStream) return { body }
  return { body: JSON.stringify(body) }
}

/** A session that tests use. */
export interface TestSession {
  readonly userId: string
  readonly localpart: string
  readonly deviceId: string
  readonly token: string
  readonly refreshToken: string | undefined
}

let names = 0

/** A localpart that no test has used. */
export function freshLocalpart(prefix = 'user'): string {
  names += 1
  return `${prefix}-${names}`
}

function sessionOf(localpart: string, { status, body }: Answer): TestSession {
  if (status !== 200) throw new Error(`${status} ${JSON.stringify(body)}`)
  return { userId: body.user_id, localpart, deviceId: body.device_id, token: body.access_token, refreshToken: body.refresh_token }
}

/** Registers an account with {@link PASSWORD}. */
export async function registerAccount(localpart = freshLocalpart(), extra: Readonly<Record<string, unknown>> = {}): Promise<TestSession> {
  const body = { username: localpart, password: PASSWORD, auth: { type: 'm.login.dummy' }, ...extra }
  return sessionOf(localpart, await call('POST', '/register', { body }))
}

/** Asks for a login with a password. */
export function tryLogin(user: string, password = PASSWORD, extra: Readonly<Record<string, unknown>> = {}): Promise<Answer> {
  const body = { type: 'm.login.password', identifier: { type: 'm.id.user', user }, password, ...extra }
  return call('POST', '/login', { body })
}

/** Logs in on a further device. */
export async function logIn(localpart: string, extra: Readonly<Record<string, unknown>> = {}): Promise<TestSession> {
  return sessionOf(localpart, await tryLogin(localpart, PASSWORD, extra))
}

/** `auth` that confirms with the account's password. */
export function passwordAuth(session: Pick<TestSession, 'userId'>, password = PASSWORD, extra: Readonly<Record<string, unknown>> = {}) {
  return { type: 'm.login.password', identifier: { type: 'm.id.user', user: session.userId }, password, ...extra }
}

/** Who a token belongs to now: the answer of `/account/whoami`. */
export function whoami(token: string): Promise<Answer> {
  return call('GET', '/account/whoami', { token })
}
