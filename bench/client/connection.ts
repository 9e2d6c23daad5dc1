import { connect, type Socket } from 'node:net'
import { AnswerParser } from './answer-parser.ts'

/** What came back, and when: times are `performance.now()` milliseconds. */
export interface Answer {
  readonly status: number
  readonly body: Buffer
  /** Just before the request was written. */
  readonly sentMs: number
  /** Just after the last byte was received. */
  readonly receivedMs: number
}

/** A request as the benchmark makes it. */
export interface BenchRequest {
  readonly method: 'GET' | 'POST' | 'PUT'
  /** Path and query, percent-encoded. */
  readonly path: string
  readonly token?: string | undefined
  /** JSON text. */
  readonly body?: string | undefined
}

interface Pending {
  readonly sentMs: number
  readonly resolve: (answer: Answer) => void
  readonly reject: (cause: Error) => void
}

/**
 * One keep-alive connection with one request in flight, opened again after the server has closed it for being idle. Written on bare sockets,
 * because a general HTTP client takes a third of the CPU time of the server that it measures, and both share the machine.
 */
export class Connection {
  readonly #url: URL
  #socket: Socket | undefined
  #parser = new AnswerParser()
  #pending: Pending | undefined

  constructor(url: string) {
    this.#url = new URL(url)
  }

  /** Sends a request; answers when the last byte of the answer is here. Opening the connection is not part of the time. */
  async request(request: BenchRequest): Promise<Answer> {
    if (this.#pending !== undefined) throw new Error('this connection has a request in flight')
    const socket = this.#socket ?? (await this.#open())
    return await new Promise((resolve, reject) => {
      this.#pending = { sentMs: performance.now(), resolve, reject }
      socket.write(this.#head(request))
    })
  }

  close(): void {
    this.#socket?.destroy()
    this.#socket = undefined
  }

  async #open(): Promise<Socket> {
    const socket = connect({ host: this.#url.hostname, port: Number(this.#url.port), noDelay: true })
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve).once('error', reject)
    })
    socket.on('data', (chunk: Buffer) => this.#received(chunk))
    socket.on('error', (cause) => this.#ended(socket, cause))
    socket.on('close', () => this.#ended(socket, new Error('the server closed the connection')))
    this.#socket = socket
    this.#parser = new AnswerParser()
    return socket
  }

  #head({ method, path, token, body }: BenchRequest): string {
    const authorization = token === undefined ? '' : `Authorization: Bearer ${token}\r\n`
    const content = body === undefined ? '' : `Content-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n`
    return `${method} ${path} HTTP/1.1\r\nHost: ${this.#url.host}\r\n${authorization}${content}\r\n${body ?? ''}`
  }

  #received(chunk: Buffer): void {
    const parsed = this.#parser.push(chunk)
    const pending = this.#pending
    if (parsed === undefined || pending === undefined) return
    this.#pending = undefined
    pending.resolve({ ...parsed, sentMs: pending.sentMs, receivedMs: performance.now() })
  }

  #ended(socket: Socket, cause: Error): void {
    if (this.#socket !== socket) return
    this.#socket = undefined
    this.#pending?.reject(cause)
    this.#pending = undefined
  }
}
