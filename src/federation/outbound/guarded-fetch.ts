import type { OutboundNetwork } from '../../runtime/outbound-network.ts'
import { type AddressPolicy, checkEndpoint, checkOutboundUrl } from './address-policy.ts'
import { BoundedBody } from './bounded-body.ts'
import { Deadline } from './deadline.ts'
import { exchange } from './http1/exchange.ts'
import { DEFAULT_MAX_BYTES, DEFAULT_TIMEOUT_MS } from './limits.ts'
import { OutboundError } from './outbound-error.ts'

/** A request to an address that somebody else has named. */
export interface GuardedRequest {
  readonly url: string
  readonly method?: 'GET' | 'POST' | 'PUT'
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | undefined
  /** For everything, redirects and body included. */
  readonly timeoutMs?: number
  readonly maxBytes?: number
  /** How many redirects of a GET are followed. Default: none; a redirect is then an answer like any other. */
  readonly maxRedirects?: number
  /** Connect there instead of to the URL's host, which the certificate must be for nevertheless (SRV delegation). */
  readonly connectTo?: { readonly hostname: string; readonly port: number } | undefined
}

/** An answer whose body is bounded. */
export interface GuardedResponse {
  readonly status: number
  readonly headers: Headers
  readonly body: BoundedBody
}

/** What a guarded request works with. */
export interface Guard {
  readonly network: OutboundNetwork
  readonly policy: AddressPolicy
}

const USER_AGENT = 'Myelin'
const REDIRECTS: readonly number[] = [301, 302, 303, 307, 308]

/**
 * The one way to ask an address that others have chosen (SECURITY M6): every hop is checked, time, size and redirects are bounded.
 * Headers go to the first hop only. Either read the body or cancel it.
 * @throws OutboundError of every kind but `refused`: error statuses are answers here.
 */
export async function guardedFetch(guard: Guard, request: GuardedRequest): Promise<GuardedResponse> {
  const deadline = new Deadline(request.timeoutMs ?? DEFAULT_TIMEOUT_MS)
  try {
    return await follow(guard, request, deadline)
  } catch (cause) {
    deadline.clear()
    throw cause
  }
}

async function follow(guard: Guard, request: GuardedRequest, deadline: Deadline): Promise<GuardedResponse> {
  const { method = 'GET', maxRedirects = 0, maxBytes = DEFAULT_MAX_BYTES } = request
  let url = checkOutboundUrl(request.url, guard.policy)
  for (let hop = 0; ; hop += 1) {
    const response = await deadline.limit(hop === 0 ? send(guard, request, url, deadline) : plainGet(guard, url, deadline))
    const location = REDIRECTS.includes(response.status) ? response.headers.get('location') : null
    if (location === null || maxRedirects === 0 || method !== 'GET') {
      const { status, headers } = response
      return { status, headers, body: new BoundedBody(response.body, maxBytes, deadline, headers.get('content-length')) }
    }
    response.body?.cancel().catch(() => undefined)
    if (hop >= maxRedirects) throw new OutboundError('redirected', `more than ${maxRedirects} redirects`)
    const next = URL.parse(location, url)
    if (next === null) throw new OutboundError('redirected', 'a redirect to nowhere')
    url = checkOutboundUrl(next.href, guard.policy)
  }
}

function send(guard: Guard, request: GuardedRequest, url: URL, deadline: Deadline): Promise<Response> {
  const { method = 'GET', body, connectTo } = request
  const headers = { 'user-agent': USER_AGENT, accept: 'application/json', ...request.headers }
  if (connectTo === undefined) return guard.network.fetch(url.href, { method, headers, body, signal: deadline.signal })
  const address = { hostname: connectTo.hostname, port: connectTo.port, tlsName: url.hostname }
  checkEndpoint(hostnameForm(address.hostname), address.port, guard.policy)
  return exchange(guard.network, address, { method, host: url.host, path: `${url.pathname}${url.search}`, headers, body }, deadline.signal)
}

function plainGet(guard: Guard, url: URL, deadline: Deadline): Promise<Response> {
  const headers = { 'user-agent': USER_AGENT, accept: 'application/json' }
  return guard.network.fetch(url.href, { method: 'GET', headers, body: undefined, signal: deadline.signal })
}

/** A host as URLs write it, so that `0x7f.1` is recognized for what it is. */
function hostnameForm(hostname: string): string {
  return URL.parse(`https://${hostname.includes(':') ? `[${hostname}]` : hostname}/`)?.hostname ?? ''
}
