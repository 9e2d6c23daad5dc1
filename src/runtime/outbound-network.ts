import { connect } from 'cloudflare:sockets'
import type { Env } from './bindings.ts'
import { countCost } from './metrics.ts'

/** A request as it leaves: redirects are never followed on this level. */
export interface NetworkRequest {
  readonly method: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | undefined
  readonly signal: AbortSignal
}

/** A TLS connection. */
export interface TlsConnection {
  readonly readable: ReadableStream<Uint8Array>
  readonly writable: WritableStream<Uint8Array>
  close(): Promise<void>
}

/** Where to open a connection, and which name its certificate must be for. */
export interface TlsAddress {
  readonly hostname: string
  readonly port: number
  readonly tlsName: string
}

/**
 * The way out of this server. Whether an address may be connected to at all is decided below this: self-hosted by the network that workerd
 * is given (after name resolution, so that no DNS answer gets around it), on Cloudflare by the platform, which reaches public addresses only.
 */
export interface OutboundNetwork {
  /** One HTTPS request to the host that the URL names. */
  fetch(url: string, request: NetworkRequest): Promise<Response>
  /** A connection to one host that proves to be another: SRV delegation, which `fetch` cannot express. */
  connectTls(address: TlsAddress): Promise<TlsConnection>
}

/** One service record of the DNS (RFC 2782). */
export interface SrvRecord {
  readonly priority: number
  readonly weight: number
  readonly port: number
  /** Host name without the final dot; `.` alone says that there is no such service. */
  readonly target: string
}

/** Asks the DNS. An empty list means that there is no such record; anything else that goes wrong is thrown. */
export interface SrvResolver {
  resolveSrv(name: string, signal: AbortSignal): Promise<readonly SrvRecord[]>
}

/** The way out that an environment offers: its own network service if it has one, else the platform's. */
export function outboundNetwork(env: Pick<Env, 'OUTBOUND'>): OutboundNetwork {
  const service = env.OUTBOUND
  return {
    fetch: (url, request) => {
      countCost('fetch')
      const init: RequestInit = { method: request.method, headers: { ...request.headers }, signal: request.signal, redirect: 'manual' }
      if (request.body !== undefined) init.body = request.body
      return service === undefined ? fetch(url, init) : service.fetch(url, init)
    },
    connectTls: async ({ hostname, port, tlsName }) => {
      countCost('fetch')
      const options = { secureTransport: 'starttls', allowHalfOpen: false } as const
      const socket = service === undefined ? connect({ hostname, port }, options) : service.connect({ hostname, port }, options)
      await socket.opened
      const secure = socket.startTls({ expectedServerHostname: tlsName })
      return { readable: secure.readable, writable: secure.writable, close: () => secure.close() }
    },
  }
}
