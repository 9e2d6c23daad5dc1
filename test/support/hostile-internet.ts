import { vi } from 'vitest'
import type {
  NetworkRequest,
  OutboundNetwork,
  SrvRecord,
  SrvResolver,
  TlsAddress,
  TlsConnection,
} from '../../src/runtime/outbound-network.ts'
import type { HostileServer } from './hostile-server.ts'

/** Answers whatever is sent to one host and port. */
export type HostileHost = (request: Request) => Response | Promise<Response>

/**
 * An Internet of scripted hosts inside the test's own process: hosts by `name:port`, service records, and connections by address. A host that
 * nobody has put there does not exist. Everything asked for is noted.
 */
export class HostileInternet {
  readonly #hosts = new Map<string, HostileHost>()
  readonly #services = new Map<string, readonly SrvRecord[]>()
  /** URLs asked for, in order. */
  readonly asked: string[] = []
  /** TLS connections opened besides, in order. */
  readonly connected: TlsAddress[] = []
  /** Names asked of the DNS, in order. */
  readonly resolved: string[] = []

  /** Puts a host there. */
  host(hostAndPort: string, answer: HostileHost): this {
    this.#hosts.set(hostAndPort, answer)
    return this
  }

  /** Puts a scripted homeserver at `<server name>:8448`, or elsewhere. */
  server(server: HostileServer, hostAndPort = `${server.serverName}:8448`): this {
    return this.host(hostAndPort, (request) => server.answer(request))
  }

  /** Takes a host away. */
  remove(hostAndPort: string): this {
    this.#hosts.delete(hostAndPort)
    return this
  }

  /** Adds service records under a full name such as `_matrix-fed._tcp.example.org`. */
  service(name: string, ...records: readonly SrvRecord[]): this {
    this.#services.set(name, records)
    return this
  }

  readonly resolver: SrvResolver = {
    resolveSrv: async (name) => {
      this.resolved.push(name)
      return this.#services.get(name) ?? []
    },
  }

  readonly network: OutboundNetwork = {
    fetch: (url, request) => this.#fetch(url, request),
    connectTls: (address) => this.#connect(address),
  }

  /** Takes the place of the platform's `fetch`, for code that cannot be given a network. Undone by `vi.restoreAllMocks()`. */
  install(): this {
    vi.spyOn(globalThis, 'fetch').mockImplementation(async (input, init) => {
      const request = new Request(input as RequestInfo, init as RequestInit)
      const headers = Object.fromEntries(request.headers)
      const body = request.method === 'GET' ? undefined : await request.text()
      return await this.#fetch(request.url, { method: request.method, headers, body, signal: request.signal })
    })
    return this
  }

  async #fetch(url: string, { method, headers, body, signal }: NetworkRequest): Promise<Response> {
    this.asked.push(url)
    const parsed = new URL(url)
    const answer = this.#hosts.get(`${parsed.hostname}:${parsed.port === '' ? 443 : parsed.port}`)
    if (answer === undefined) throw new TypeError('no such host')
    const response = await Promise.race([
      answer(new Request(url, { method, headers, ...(body === undefined ? {} : { body }) })),
      aborted(signal),
    ])
    // The platform's own `fetch` never follows: redirects are asked for as they are.
    return response
  }

  /** Speaks HTTP/1.1 with whoever connects, like a server that closes after each answer. */
  async #connect(address: TlsAddress): Promise<TlsConnection> {
    this.connected.push(address)
    const answer = this.#hosts.get(`${address.hostname}:${address.port}`)
    if (answer === undefined) throw new TypeError('no such host')
    const toServer = new TransformStream<Uint8Array, Uint8Array>()
    const toClient = new TransformStream<Uint8Array, Uint8Array>()
    const serve = async (): Promise<void> => {
      const { head, body } = await readRequest(toServer.readable)
      const [line = '', ...fields] = head.split('\r\n')
      const [method = '', path = ''] = line.split(' ')
      const headers = new Headers(
        fields.map((field): [string, string] => [field.slice(0, field.indexOf(':')), field.slice(field.indexOf(':') + 1).trim()]),
      )
      const url = `https://${headers.get('host') ?? ''}${path}`
      const response = await answer(new Request(url, { method, headers, ...(body === '' ? {} : { body }) }))
      const text = await response.text()
      const writer = toClient.writable.getWriter()
      await writer.write(new TextEncoder().encode(`HTTP/1.1 ${response.status} x\r\nContent-Type: application/json\r\n\r\n${text}`))
      await writer.close()
    }
    serve().catch(() => toClient.writable.abort())
    return { readable: toClient.readable, writable: toServer.writable, close: async () => undefined }
  }
}

async function readRequest(stream: ReadableStream<Uint8Array>): Promise<{ head: string; body: string }> {
  const reader = stream.getReader()
  const decoder = new TextDecoder()
  let text = ''
  for (;;) {
    const chunk = await reader.read()
    if (chunk.done) throw new Error('the request ends in the middle')
    text += decoder.decode(chunk.value, { stream: true })
    const end = text.indexOf('\r\n\r\n')
    if (end < 0) continue
    const head = text.slice(0, end)
    const length = Number(/^content-length: (\d+)$/im.exec(head)?.[1] ?? 0)
    if (new TextEncoder().encode(text.slice(end + 4)).length >= length) return { head, body: text.slice(end + 4) }
  }
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason)
    else signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  })
}
