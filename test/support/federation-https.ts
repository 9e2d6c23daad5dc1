import { execFileSync } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Something that answers requests: a scripted homeserver. */
export interface Answering {
  answer(request: Request): Promise<Response>
}

/** A server of TLS on the loopback address, for names of the test's choice. */
export interface HttpsServer {
  readonly port: number
  /** File with its certificate, for those who are to trust it. */
  readonly certificate: string
  /** File with its private key. */
  readonly privateKey: string
  /** Names that clients asked for when they connected (SNI). */
  readonly serverNames: string[]
  /** `Host` headers that came. */
  readonly hosts: string[]
  close(): Promise<void>
}

/** Serves requests over TLS on 127.0.0.1 with a certificate for the given names (`DNS:…`, `IP:…`). */
export async function serveHttps(target: Answering, ...names: readonly string[]): Promise<HttpsServer> {
  const folder = await mkdtemp(join(tmpdir(), 'myelin-peer-'))
  const [key, certificate] = [join(folder, 'key.pem'), join(folder, 'cert.pem')]
  const subject = ['-subj', '/CN=peer', '-addext', `subjectAltName=${names.join(',')}`]
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256']
  execFileSync('openssl', ['req', '-x509', ...curve, '-nodes', '-days', '2', ...subject, '-keyout', key, '-out', certificate], {
    stdio: 'ignore',
  })
  const server = await serveWith(target, { key, certificate })
  return {
    ...server,
    close: async () => {
      await server.close()
      await rm(folder, { recursive: true })
    },
  }
}

/** Serves requests over TLS on 127.0.0.1 with a certificate that is there. */
export async function serveWith(target: Answering, tls: { readonly key: string; readonly certificate: string }): Promise<HttpsServer> {
  const serverNames: string[] = []
  const hosts: string[] = []
  const server = createServer({ key: await readFile(tls.key), cert: await readFile(tls.certificate) }, (incoming, outgoing) => {
    const { socket } = incoming
    serverNames.push('servername' in socket && typeof socket.servername === 'string' ? socket.servername : '')
    hosts.push(incoming.headers.host ?? '')
    const respond = async (): Promise<void> => write(await target.answer(await toRequest(incoming)), outgoing)
    respond().catch(() => outgoing.destroy())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as AddressInfo).port,
    certificate: tls.certificate,
    privateKey: tls.key,
    serverNames,
    hosts,
    close: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** Writes an answer piece by piece, as long as somebody reads: some never end. */
async function write(response: Response, outgoing: ServerResponse): Promise<void> {
  outgoing.writeHead(response.status, Object.fromEntries(response.headers))
  const closed = new Promise<void>((resolve) => outgoing.once('close', resolve))
  const reader = response.body?.getReader()
  while (reader !== undefined) {
    const { done, value } = await reader.read()
    if (done) break
    if (outgoing.destroyed) return await reader.cancel()
    if (!outgoing.write(value)) await Promise.race([new Promise((resolve) => outgoing.once('drain', resolve)), closed])
  }
  outgoing.end()
}

async function toRequest(incoming: IncomingMessage): Promise<Request> {
  const chunks: Buffer[] = []
  for await (const chunk of incoming) chunks.push(chunk)
  const url = `https://${incoming.headers.host ?? 'nobody'}${incoming.url ?? '/'}`
  const { method = 'GET' } = incoming
  const headers = Object.entries(incoming.headers).map(([name, value]): [string, string] => [name, String(value)])
  return new Request(url, { method, headers, ...(chunks.length === 0 ? {} : { body: Buffer.concat(chunks) }) })
}

/** A DNS server on the loopback address that knows service records and nothing else. */
export async function serveDns(records: ReadonlyMap<string, { readonly port: number; readonly target: string }>) {
  const asked: string[] = []
  const socket = createSocket('udp4')
  socket.on('message', (query, from) => {
    const { name, end } = readName(query)
    asked.push(name)
    const record = records.get(name)
    const question = query.subarray(12, end + 4)
    const header = Buffer.from(query.subarray(0, 12))
    // An answer, recursion available; "no such name" where nothing is known.
    header.writeUInt16BE(record === undefined ? 0x8183 : 0x8180, 2)
    header.writeUInt16BE(1, 4)
    header.writeUInt16BE(record === undefined ? 0 : 1, 6)
    header.writeUInt32BE(0, 8)
    socket.send(Buffer.concat([header, question, record === undefined ? Buffer.alloc(0) : srvRecord(record)]), from.port, from.address)
  })
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve))
  return {
    address: `127.0.0.1:${socket.address().port}`,
    asked,
    close: () => new Promise<void>((resolve) => socket.close(() => resolve())),
  }
}

function readName(query: Buffer): { name: string; end: number } {
  const labels: string[] = []
  let at = 12
  for (let length = query[at] ?? 0; length > 0; length = query[at] ?? 0) {
    labels.push(query.toString('latin1', at + 1, at + 1 + length))
    at += 1 + length
  }
  return { name: labels.join('.').toLowerCase(), end: at + 1 }
}

function srvRecord({ port, target }: { readonly port: number; readonly target: string }): Buffer {
  const name = Buffer.concat([...target.split('.').map((label) => Buffer.from([label.length, ...Buffer.from(label)])), Buffer.from([0])])
  const data = Buffer.alloc(6)
  data.writeUInt16BE(10, 0)
  data.writeUInt16BE(5, 2)
  data.writeUInt16BE(port, 4)
  const head = Buffer.alloc(12)
  // The name of the question; type SRV, class IN, a minute.
  head.writeUInt16BE(0xc00c, 0)
  head.writeUInt16BE(33, 2)
  head.writeUInt16BE(1, 4)
  head.writeUInt32BE(60, 6)
  head.writeUInt16BE(data.length + name.length, 10)
  return Buffer.concat([head, data, name])
}
