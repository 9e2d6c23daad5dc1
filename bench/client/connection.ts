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
 * One keep-alive connection with one request in flight. Written on bare sockets, because a general HTTP client takes a third of the CPU time
 * of the server that it measures, and both share the machine.
 */
export class Connection {
  readonly #socket: Socket
  readonly #host: string
  readonly #opened: Promise<void>
  readonly #parser = new AnswerParser()
  #pending: Pending | undefined
  #ended: Error | undefined

  constructor(url: string) {
    const { hostname, port, host } = new URL(url)
    this.#host = host
    this.#socket = connect({ host: hostname, port: Number(port), noDelay: true })
    this.#opened = new Promise((resolve, reject) => {
      this.#socket.once('connect', resolve).once('error', reject)
    })
    this.#socket.on('data', (chunk: Buffer) => this.#received(chunk))
    this.#socket.on('error', (cause) => this.#fail(cause))
    this.#socket.on('close', () => this.#fail(new Error('the server closed the connection')))
  }

  /** Sends a request; answers when the last byte of the answer is here. */
  async request(request: BenchRequest): Promise<Answer> {
    await this.#opened
    if (this.#ended !== undefined) throw this.#ended
    if (this.#pending !== undefined) throw new Error('this connection has a request in flight')
    return await new Promise((resolve, reject) => {
      this.#pending = { sentMs: performance.now(), resolve, reject }
      this.#socket.write(this.#head(request))
    })
  }

  close(): void {
    this.#ended ??= new Error('this connection was closed')
    this.#socket.destroy()
  }

  #head({ method, path, token, body }: BenchRequest): string {
    const authorization = token === undefined ? '' : `Authorization: Bearer ${token}\r\n`
    const content = body === undefined ? '' : `Content-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n`
    return `${method} ${path} HTTP/1.1\r\nHost: ${this.#host}\r\n${authorization}${content}\r\n${body ?? ''}`
  }

  #received(chunk: Buffer): void {
    const pending = this.#pending
    const parsed = this.#parser.push(chunk)
    if (pending === undefined) this.#fail(new Error('an answer that nobody asked for'))
    if (pending === undefined || parsed === undefined) return
    this.#pending = undefined
    pending.resolve({ ...parsed, sentMs: pending.sentMs, receivedMs: performance.now() })
  }

  #fail(cause: Error): void {
    this.#ended ??= cause
    this.#pending?.reject(this.#ended)
    this.#pending = undefined
  }
}
