import { createExecutionContext } from 'cloudflare:test'
import { env, exports } from 'cloudflare:workers'
import { createHash } from 'node:crypto'
import { app } from '../../src/app.ts'
import type { Env } from '../../src/runtime/bindings.ts'
import { PASSWORD } from './api-client.ts'
import { FormBrowser, type Visit } from './form-browser.ts'

/*
 * OAuth 2.0 as clients and browsers speak it, for tests inside workerd.
 */

const ORIGIN = 'https://test.example'

/** An answer of an OAuth endpoint. */
export interface OAuthAnswer {
  readonly status: number
  // biome-ignore lint/suspicious/noExplicitAny: tests look into bodies of every shape.
  readonly body: any
}

/**
 * A browser that looks at the server under test.
 * @param variables that differ from the usual ones, in the Worker only: objects keep theirs.
 */
export function openBrowser(variables?: Partial<Env>): FormBrowser {
  return new FormBrowser(ORIGIN, async (request) =>
    variables === undefined ? exports.default.fetch(request) : app.fetch(request, { ...env, ...variables }, createExecutionContext()),
  )
}

/** Sends a form to an OAuth endpoint. */
export async function oauthPost(
  path: string,
  fields: Readonly<Record<string, string>>,
  variables: Partial<Env> = {},
  headers: Readonly<Record<string, string>> = {},
): Promise<OAuthAnswer> {
  const request = new Request(`${ORIGIN}${path}`, {
    method: 'POST',
    body: new URLSearchParams(fields).toString(),
    headers: { 'Content-Type': 'application/x-www-form-urlencoded', ...headers },
  })
  const response = await app.fetch(request, { ...env, ...variables }, createExecutionContext())
  return { status: response.status, body: await response.json() }
}

/** What a client says of itself unless a test says otherwise. */
export const CLIENT = {
  client_name: 'Test client',
  client_uri: 'https://client.example/',
  redirect_uris: ['https://app.client.example/callback'],
  response_types: ['code'],
  grant_types: ['authorization_code', 'refresh_token', 'urn:ietf:params:oauth:grant-type:device_code'],
  token_endpoint_auth_method: 'none',
  application_type: 'web',
}

/** Asks for the registration of a client. */
export async function registerClient(change: Readonly<Record<string, unknown>> = {}): Promise<OAuthAnswer> {
  const request = new Request(`${ORIGIN}/oauth2/registration`, { method: 'POST', body: JSON.stringify({ ...CLIENT, ...change }) })
  const response = await exports.default.fetch(request)
  return { status: response.status, body: await response.json() }
}

/** The ID of a client that is registered. */
export async function aClient(change: Readonly<Record<string, unknown>> = {}): Promise<string> {
  const { status, body } = await registerClient(change)
  if (status !== 201) throw new Error(`${status} ${JSON.stringify(body)}`)
  return body.client_id
}

export const VERIFIER = 'a-verifier-that-is-long-enough-to-be-one-0123456789'
export const CHALLENGE = createHash('sha256').update(VERIFIER).digest('base64url')
export const REDIRECT_URI = 'https://app.client.example/callback'

let devices = 0

/** A device ID that no test has used. */
export function freshDeviceId(): string {
  devices += 1
  return `OAUTHDEVICE${devices}`
}

/** The address of an authorization request; `undefined` leaves a parameter out. */
export function authorizePath(clientId: string, change: Readonly<Record<string, string | undefined>> = {}): string {
  const params = {
    response_type: 'code',
    response_mode: 'query',
    client_id: clientId,
    redirect_uri: REDIRECT_URI,
    scope: `urn:matrix:client:api:* urn:matrix:client:device:${freshDeviceId()}`,
    state: 'the state',
    code_challenge: CHALLENGE,
    code_challenge_method: 'S256',
    ...change,
  }
  const present = Object.entries(params).filter((entry): entry is [string, string] => entry[1] !== undefined)
  return `/oauth2/authorize?${new URLSearchParams(present)}`
}

/** Logs in at the page that a visit leads to; answers where that leads. */
export async function logInAt(browser: FormBrowser, visit: Visit, localpart: string, password = PASSWORD): Promise<Visit> {
  return await browser.follow(await browser.submit(await browser.follow(visit), '/account/login', { username: localpart, password }))
}

/** Goes through login and consent; answers the parameters that the client gets. */
export async function authorize(browser: FormBrowser, path: string, localpart: string): Promise<URLSearchParams> {
  const first = await browser.get(path)
  const consent = first.location === undefined ? first : await logInAt(browser, first, localpart)
  const answer = await browser.submit(consent, '/oauth2/authorize', { decision: 'allow' })
  const location = new URL(answer.location ?? '')
  return location.hash === '' ? location.searchParams : new URLSearchParams(location.hash.slice(1))
}

/** Exchanges a code. */
export function exchange(clientId: string, code: string, change: Readonly<Record<string, string>> = {}): Promise<OAuthAnswer> {
  const fields = { grant_type: 'authorization_code', code, client_id: clientId, redirect_uri: REDIRECT_URI, code_verifier: VERIFIER }
  return oauthPost('/oauth2/token', { ...fields, ...change })
}

/** A session that a client has through OAuth. */
export interface OAuthSession {
  readonly clientId: string
  readonly deviceId: string
  readonly token: string
  readonly refreshToken: string
  readonly browser: FormBrowser
}

/** Logs a client in through the pages. */
export async function oauthLogin(localpart: string, deviceId = freshDeviceId()): Promise<OAuthSession> {
  const clientId = await aClient()
  const browser = openBrowser()
  const scope = `urn:matrix:client:api:* urn:matrix:client:device:${deviceId}`
  const answer = await authorize(browser, authorizePath(clientId, { scope }), localpart)
  const { status, body } = await exchange(clientId, answer.get('code') ?? '')
  if (status !== 200) throw new Error(`${status} ${JSON.stringify(body)}`)
  return { clientId, deviceId, token: body.access_token, refreshToken: body.refresh_token, browser }
}

/** Refreshes. */
export function refreshOAuth(clientId: string, refreshToken: string): Promise<OAuthAnswer> {
  return oauthPost('/oauth2/token', { grant_type: 'refresh_token', refresh_token: refreshToken, client_id: clientId })
}
