import type { Deadline } from './deadline.ts'
import { OutboundError } from './outbound-error.ts'

// A byte order mark is kept, so that it is refused like any other character before the value.
const UTF8 = { fatal: true, ignoreBOM: true } as const

/** The body of another server's answer: read once, at most so many bytes, in time. */
export class BoundedBody {
  readonly #stream: ReadableStream<Uint8Array> | null
  readonly #maxBytes: number
  readonly #deadline: Deadline

  /** @param declaredBytes value of Content-Length, if there is one: too large a body is not even begun. */
  constructor(stream: ReadableStream<Uint8Array> | null, maxBytes: number, deadline: Deadline, declaredBytes: string | null) {
    this.#stream = stream
    this.#maxBytes = maxBytes
    this.#deadline = deadline
    if (declaredBytes !== null && Number(declaredBytes) > maxBytes) {
      this.cancel()
      throw tooLarge(maxBytes)
    }
  }

  /** The pieces as they arrive. Whoever stops early has the connection closed. @throws OutboundError too_large, timeout, unreachable. */
  async *chunks(): AsyncGenerator<Uint8Array, void, undefined> {
    if (this.#stream === null) {
      this.#deadline.clear()
      return
    }
    const reader = this.#stream.getReader()
    let bytes = 0
    let finished = false
    try {
      for (;;) {
        const chunk = await this.#deadline.limit(reader.read())
        if (chunk.done) {
          finished = true
          return
        }
        bytes += chunk.value.length
        if (bytes > this.#maxBytes) throw tooLarge(this.#maxBytes)
        yield chunk.value
      }
    } finally {
      this.#deadline.clear()
      if (!finished) reader.cancel().catch(() => undefined)
    }
  }

  /** The whole body. @throws OutboundError too_large, timeout, unreachable, invalid (not UTF-8). */
  async text(): Promise<string> {
    const decoder = new TextDecoder('utf-8', UTF8)
    let text = ''
    try {
      for await (const chunk of this.chunks()) text += decoder.decode(chunk, { stream: true })
      return text + decoder.decode()
    } catch (cause) {
      if (cause instanceof TypeError) throw new OutboundError('invalid', 'the answer is not UTF-8', cause)
      throw cause
    }
  }

  /** Lets the rest go unread. */
  cancel(): void {
    this.#deadline.clear()
    if (this.#stream !== null && !this.#stream.locked) this.#stream.cancel().catch(() => undefined)
  }
}

function tooLarge(maxBytes: number): OutboundError {
  return new OutboundError('too_large', `the answer has more than ${maxBytes} bytes`)
}
