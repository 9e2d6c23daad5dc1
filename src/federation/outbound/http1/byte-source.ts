import { OutboundError } from '../outbound-error.ts'

const LINE_FEED = 0x0a
const CARRIAGE_RETURN = 0x0d
const LATIN1 = new TextDecoder('latin1')

/** A stream of bytes read by lines and by counts. */
export class ByteSource {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>
  #buffer: Uint8Array = new Uint8Array(0)

  constructor(stream: ReadableStream<Uint8Array>) {
    this.#reader = stream.getReader()
  }

  /** A line without its end. @throws OutboundError `invalid` when it is longer than `maxBytes` or the stream ends first. */
  async line(maxBytes: number): Promise<string> {
    for (;;) {
      const end = this.#buffer.indexOf(LINE_FEED)
      if (end > maxBytes || (end < 0 && this.#buffer.length > maxBytes)) throw new OutboundError('invalid', 'an overlong line')
      if (end >= 0) {
        const line = this.#take(end + 1)
        return LATIN1.decode(line.subarray(0, line[end - 1] === CARRIAGE_RETURN ? end - 1 : end))
      }
      if (!(await this.#fill())) throw new OutboundError('invalid', 'the answer ends in the middle')
    }
  }

  /** Some bytes, at most `maxBytes`; `undefined` at the end of the stream. */
  async some(maxBytes: number): Promise<Uint8Array | undefined> {
    if (this.#buffer.length === 0 && !(await this.#fill())) return undefined
    return this.#take(Math.min(maxBytes, this.#buffer.length))
  }

  /** Lets the rest go unread. */
  async cancel(): Promise<void> {
    await this.#reader.cancel()
  }

  #take(count: number): Uint8Array {
    const taken = this.#buffer.subarray(0, count)
    this.#buffer = this.#buffer.subarray(count)
    return taken
  }

  async #fill(): Promise<boolean> {
    const chunk = await this.#reader.read()
    if (chunk.done) return false
    if (this.#buffer.length === 0) this.#buffer = chunk.value
    else {
      const joined = new Uint8Array(this.#buffer.length + chunk.value.length)
      joined.set(this.#buffer)
      joined.set(chunk.value, this.#buffer.length)
      this.#buffer = joined
    }
    return true
  }
}
