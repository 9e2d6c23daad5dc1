import { unwatchFile, watchFile } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { Agent, request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer, type Server } from 'node:https'
import { isIPv4 } from 'node:net'
import type { TlsConfig } from './config.ts'
import { logLine } from './output.ts'

/** Connections held at once; more wait in the kernel's queue until one ends. */
const MAX_CONNECTIONS = 4096
/** How often the certificate files are looked at, in milliseconds. */
const CERTIFICATE_CHECK_MS = 5000
const HEADERS_TIMEOUT_MS = 30_000
/** How long a client may take to send a whole request, uploads included. */
const REQUEST_TIMEOUT_MS = 300_000
const KEEP_ALIVE_MS = 75_000
/** Idle connections to the Worker close before workerd closes them (5 s), or a request could meet a connection that is going away. */
const UPSTREAM_IDLE_MS = 1000
/** What other servers must be told while the queues of what they are to be sent are emptied: who this server is, and that it is there. */
const ANSWERED_TO_THE_END = /^\/(?:_matrix\/key\/v2\/|_matrix\/federation\/v1\/version(?:\?|$)|\.well-known\/matrix\/server(?:\?|$))/
/** Headers that concern one connection only, and the one that only this listener may set. */
const NOT_FORWARDED = ['connection', 'keep-alive', 'proxy-connection', 'upgrade', 'expect', 'x-myelin-client-address']

/** Where the listener sends requests, and how it vouches for the client's address there. */
export interface Upstream {
  readonly host: string
  readonly port: number
  readonly controlToken: string
}

/** A TLS listener that is up. */
export interface TlsListener {
  readonly port: number
  /** Finishes the requests that have come, and refuses new ones (503), except those by which other servers look up the keys of this one. */
  refuseRequests(): void
  /** Ends every connection. */
  close(): Promise<void>
}

async function readCertificate(tls: TlsConfig): Promise<{ cert: Buffer; key: Buffer }> {
  const [cert, key] = await Promise.all([readFile(tls.certFile), readFile(tls.keyFile)])
  return { cert, key }
}

function forwardedHeaders(raw: readonly string[]): string[] {
  const headers: string[] = []
  for (let index = 0; index + 1 < raw.length; index += 2) {
    const name = raw[index] ?? ''
    if (!NOT_FORWARDED.includes(name.toLowerCase())) headers.push(name, raw[index + 1] ?? '')
  }
  return headers
}

function refuse(response: ServerResponse, status: number, errcode: string, error: string): void {
  if (response.headersSent) {
    response.destroy()
    return
  }
  response.writeHead(status, { 'content-type': 'application/json', 'access-control-allow-origin': '*', connection: 'close' })
  response.end(JSON.stringify({ errcode, error }))
}

function clientAddress(request: IncomingMessage): string {
  const address = request.socket.remoteAddress ?? 'unknown'
  const mapped = address.replace(/^::ffff:/, '')
  return isIPv4(mapped) ? mapped : address
}

function forward(request: IncomingMessage, response: ServerResponse, upstream: Upstream, agent: Agent): void {
  if (!request.url?.startsWith('/')) {
    refuse(response, 400, 'M_UNRECOGNIZED', 'Unrecognized request')
    return
  }
  const outgoing = httpRequest({
    agent,
    host: upstream.host,
    port: upstream.port,
    method: request.method ?? 'GET',
    path: request.url,
    headers: [...forwardedHeaders(request.rawHeaders), 'x-myelin-client-address', `${upstream.controlToken} ${clientAddress(request)}`],
  })
  outgoing.on('response', (answer) => {
    response.writeHead(answer.statusCode ?? 502, answer.statusMessage ?? '', forwardedHeaders(answer.rawHeaders))
    answer.on('error', () => response.destroy())
    answer.pipe(response)
  })
  outgoing.on('error', () => refuse(response, 502, 'M_UNKNOWN', 'The server is not available'))
  response.on('close', () => outgoing.destroy())
  request.on('error', () => outgoing.destroy())
  request.pipe(outgoing)
}

/** Uses a renewed certificate as soon as both of its files are there; keeps the old one while they do not fit together. */
function reloadOnChange(server: Server, tls: TlsConfig): () => void {
  const reload = (): void => {
    readCertificate(tls)
      .then((context) => server.setSecureContext(context))
      .then(() => logLine('info', 'TLS certificate reloaded'))
      .catch((cause: Error) => logLine('error', `the TLS certificate cannot be reloaded, the old one stays in use: ${cause.message}`))
  }
  // Polling sees what replaces a file or a link to it, as renewal tools do.
  for (const file of [tls.certFile, tls.keyFile]) watchFile(file, { interval: CERTIFICATE_CHECK_MS, persistent: false }, reload)
  return () => {
    for (const file of [tls.certFile, tls.keyFile]) unwatchFile(file, reload)
  }
}

/**
 * Listens for HTTPS and hands every request to the Worker's plain port, telling it the client's address. HTTP/1.1 only.
 * Throws when the certificate and key do not fit together or the port is taken.
 */
export async function listenTls(bind: string, tls: TlsConfig, upstream: Upstream): Promise<TlsListener> {
  const agent = new Agent({ keepAlive: true, timeout: UPSTREAM_IDLE_MS, maxSockets: MAX_CONNECTIONS })
  let stopping = false
  const server = createServer(
    { ...(await readCertificate(tls)), ALPNProtocols: ['http/1.1'], minVersion: 'TLSv1.2' },
    (request, response) => {
      if (stopping && !ANSWERED_TO_THE_END.test(request.url ?? '')) refuse(response, 503, 'M_UNKNOWN', 'The server is stopping')
      else forward(request, response, upstream, agent)
    },
  )
  server.maxConnections = MAX_CONNECTIONS
  server.headersTimeout = HEADERS_TIMEOUT_MS
  server.requestTimeout = REQUEST_TIMEOUT_MS
  server.keepAliveTimeout = KEEP_ALIVE_MS
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(tls.port, bind, () => resolve())
  })
  const unwatch = reloadOnChange(server, tls)
  const address = server.address()
  return {
    port: typeof address === 'object' && address !== null ? address.port : tls.port,
    refuseRequests: () => {
      stopping = true
    },
    close: async () => {
      unwatch()
      server.close()
      server.closeAllConnections()
      agent.destroy()
    },
  }
}
