import { exports } from 'cloudflare:workers'
import { ENDPOINTS } from '../../src/api/index.ts'
import { FEDERATION_ENDPOINTS } from '../../src/federation/inbound/index.ts'
import { pathVariants } from '../../src/http/path.ts'
import type { HostileServer } from './hostile-server.ts'

/*
 * Requests to every endpoint there is, for what must hold of all of them: an endpoint that is added is looked at without anybody thinking of it.
 */

/** Values of path parameters by their name; others are `other`. */
export interface PathValues {
  readonly [name: string]: string
  readonly other: string
}

/** What one request was answered. */
export interface SweepAnswer {
  readonly endpoint: string
  readonly auth: string
  readonly status: number
  readonly headers: Headers
  readonly text: string
}

/** One of the endpoints, under one of its paths. */
interface Route {
  readonly method: string
  readonly path: string
  readonly auth: string
}

const routesOf = (endpoints: typeof ENDPOINTS): Route[] =>
  endpoints.flatMap(({ method, paths, auth }) =>
    paths
      // The older name of the same.
      .filter((path) => !path.startsWith('/_matrix/client/r0/'))
      .map((path) => ({ method, path: pathVariants(path)[0] ?? path, auth })),
  )

function fill(path: string, values: PathValues): string {
  return path.replace(/:([A-Za-z]+)/g, (_parameter, name: string) => encodeURIComponent(values[name] ?? values.other))
}

async function ask(route: Route, request: Request): Promise<SweepAnswer> {
  const response = await exports.default.fetch(request)
  const { method, path, auth } = route
  return { endpoint: `${method} ${path}`, auth, status: response.status, headers: response.headers, text: await response.text() }
}

/** How the requests of one sweep are made. */
export interface Sweep {
  /** The token of whoever asks; asked for anew before each request, because some end their session. */
  readonly token: () => Promise<string>
  readonly values: PathValues
  /** With its question mark. */
  readonly query?: string
  /** Of requests that may have one, as JSON. */
  readonly body?: unknown
  readonly methods?: readonly string[]
}

/** Asks every endpoint of clients, one after the other. */
export async function sweepClientEndpoints(sweep: Sweep): Promise<SweepAnswer[]> {
  const answers: SweepAnswer[] = []
  for (const route of routesOf(ENDPOINTS)) {
    if (sweep.methods?.includes(route.method) === false) continue
    const headers = { authorization: `Bearer ${await sweep.token()}`, 'CF-Connecting-IP': '192.0.2.1' }
    const body = route.method === 'GET' || sweep.body === undefined ? {} : { body: JSON.stringify(sweep.body) }
    const url = `https://test.example${fill(route.path, sweep.values)}${sweep.query ?? ''}`
    answers.push(await ask(route, new Request(url, { method: route.method, headers, ...body, redirect: 'manual' })))
  }
  return answers
}

/** Asks every endpoint of other servers, as one of them. */
export async function sweepServerEndpoints(peer: HostileServer, sweep: Omit<Sweep, 'token'>): Promise<SweepAnswer[]> {
  const answers: SweepAnswer[] = []
  for (const route of routesOf(FEDERATION_ENDPOINTS)) {
    if (sweep.methods?.includes(route.method) === false) continue
    const body = route.method === 'GET' ? undefined : JSON.parse(JSON.stringify(sweep.body ?? {}))
    const url = `https://test.example${fill(route.path, sweep.values)}${sweep.query ?? ''}`
    answers.push(await ask(route, peer.signedRequest(route.method, url, body)))
  }
  return answers
}
