import type { OutboundNetwork, TlsAddress, TlsConnection } from '../../../runtime/outbound-network.ts'
import { OutboundError } from '../outbound-error.ts'
import { ByteSource } from './byte-source.ts'
import { bodyPieces } from './response-body.ts'
import { readHead } from './response-head.ts'

/** A request over a connection of our own. */
export interface ExchangeRequest {
  readonly method: string
  /** The `Host` header. */
  readonly host: string
  /** Path and query as they are to stand on the request line. */
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | undefined
}

const UNSAFE = /[\r\n\0]/

/**
 * One HTTP/1.1 request over one TLS connection, closed afterwards: for servers found by an SRV record, whose certificate is for another name than
 * that of the host connected to.
 * @throws OutboundError `invalid`, or whatever the connection fails with.
 */
export async function exchange(
  network: OutboundNetwork,
  address: TlsAddress,
  request: ExchangeRequest,
  signal: AbortSignal,
): Promise<Response> {
  const bytes = encodeRequest(request)
  const connection = await network.connectTls(address)
  const close = (): void => {
    connection.close().catch(() => undefined)
  }
  if (signal.aborted) close()
  else signal.addEventListener('abort', close, { once: true })
  try {
    return await converse(connection, bytes, close)
  } catch (cause) {
    close()
    throw cause
  }
}

async function converse(connection: TlsConnection, bytes: Uint8Array, close: () => void): Promise<Response> {
  const writer = connection.writable.getWriter()
  await writer.write(bytes)
  const source = new ByteSource(connection.readable)
  const head = await readHead(source)
  const pieces = bodyPieces(head, source)
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      const piece = await pieces.next()
      if (!piece.done) return controller.enqueue(piece.value)
      close()
      controller.close()
    },
    cancel: close,
  })
  const withoutBody = head.status === 204 || head.status === 304
  return new Response(withoutBody ? null : body, { status: head.status, headers: head.headers })
}

function encodeRequest({ method, host, path, headers, body }: ExchangeRequest): Uint8Array {
  const payload = new TextEncoder().encode(body ?? '')
  const lines = [`${method} ${path} HTTP/1.1`, `host: ${host}`, 'connection: close', 'accept-encoding: identity']
  for (const [name, value] of Object.entries(headers)) lines.push(`${name}: ${value}`)
  if (body !== undefined) lines.push(`content-length: ${payload.length}`)
  if (lines.some((line) => UNSAFE.test(line))) throw new OutboundError('invalid', 'a header that would break the request')
  const head = new TextEncoder().encode(`${lines.join('\r\n')}\r\n\r\n`)
  const whole = new Uint8Array(head.length + payload.length)
  whole.set(head)
  whole.set(payload, head.length)
  return whole
}
