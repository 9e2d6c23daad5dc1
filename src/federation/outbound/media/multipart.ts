import { MEDIA_PART_HEAD_BYTES } from '../limits.ts'
import { OutboundError } from '../outbound-error.ts'

const CARRIAGE_RETURN = 0x0d
const LINE_FEED = 0x0a
const DASH = 0x2d
const CRLF = new Uint8Array([CARRIAGE_RETURN, LINE_FEED])
/** Longest boundary that is taken; RFC 2046 allows 70 characters. */
const MAX_BOUNDARY_LENGTH = 200
const FIELD = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*(.*?)[ \t]*$/
const LATIN1 = new TextDecoder('latin1')

/** The boundary of a `multipart/mixed` answer. @throws OutboundError `invalid` for any other. */
export function boundaryOf(contentType: string | null): string {
  const [, quoted, plain] = /^multipart\/mixed\s*;(?:.*;)?\s*boundary=(?:"([^"]+)"|([^\s;"]+))/i.exec(contentType ?? '') ?? []
  const boundary = quoted ?? plain
  if (boundary === undefined || boundary.length > MAX_BOUNDARY_LENGTH)
    throw new OutboundError('invalid', 'the answer is not multipart/mixed')
  return boundary
}

/**
 * The parts of a multipart body (RFC 2046 section 5.1), one after the other, as a stream: no more of it is held than one piece. Bounded by what it
 * reads from, and part by part by whoever reads.
 */
export class MultipartReader {
  readonly #pieces: AsyncIterator<Uint8Array>
  readonly #delimiter: Uint8Array
  /** Bytes that have come and not been read. The first delimiter need not follow a line. */
  #buffer: Uint8Array = CRLF
  #ended = false

  constructor(pieces: AsyncIterator<Uint8Array>, boundary: string) {
    this.#pieces = pieces
    this.#delimiter = new TextEncoder().encode(`\r\n--${boundary}`)
  }

  /** Bytes up to the next delimiter: what comes before the first part, or a part's body. @throws OutboundError `invalid`. */
  async *body(): AsyncGenerator<Uint8Array, void, undefined> {
    for (;;) {
      const at = this.#find()
      if (at >= 0) {
        if (at > 0) yield this.#buffer.subarray(0, at)
        this.#buffer = this.#buffer.subarray(at + this.#delimiter.length)
        return await this.#endDelimiter()
      }
      const safe = this.#buffer.length - this.#delimiter.length + 1
      if (safe > 0) {
        yield this.#buffer.subarray(0, safe)
        this.#buffer = this.#buffer.subarray(safe)
      }
      await this.#fill()
    }
  }

  /** Lets bytes up to the next delimiter go. @throws OutboundError `invalid` if there are more than `maxBytes`. */
  async skip(maxBytes: number): Promise<void> {
    let bytes = 0
    for await (const piece of this.body()) {
      bytes += piece.length
      if (bytes > maxBytes) throw new OutboundError('invalid', 'a part of the answer is too long')
    }
  }

  /** Headers of the part that begins. @throws OutboundError `invalid`. */
  async headers(): Promise<Map<string, string>> {
    const headers = new Map<string, string>()
    if (this.#ended) throw new OutboundError('invalid', 'a part of the answer is missing')
    for (let left = MEDIA_PART_HEAD_BYTES; ; ) {
      const line = await this.#line(left)
      if (line === '') return headers
      left -= line.length + CRLF.length
      const [, name, value = ''] = FIELD.exec(line) ?? []
      if (name === undefined) throw new OutboundError('invalid', 'a malformed header')
      headers.set(name.toLowerCase(), value)
    }
  }

  async #endDelimiter(): Promise<void> {
    while (this.#buffer.length < CRLF.length) await this.#fill()
    if (this.#buffer[0] === DASH && this.#buffer[1] === DASH) this.#ended = true
    else if ((await this.#line(MEDIA_PART_HEAD_BYTES)).trim() !== '') throw new OutboundError('invalid', 'a malformed boundary')
  }

  async #line(maxBytes: number): Promise<string> {
    for (;;) {
      const end = this.#buffer.indexOf(LINE_FEED)
      if (end > maxBytes || (end < 0 && this.#buffer.length > maxBytes)) throw new OutboundError('invalid', 'an overlong line')
      if (end >= 0) {
        const line = LATIN1.decode(this.#buffer.subarray(0, this.#buffer[end - 1] === CARRIAGE_RETURN ? end - 1 : end))
        this.#buffer = this.#buffer.subarray(end + 1)
        return line
      }
      await this.#fill()
    }
  }

  #find(): number {
    const { length } = this.#delimiter
    for (let at = this.#buffer.indexOf(CARRIAGE_RETURN); at >= 0; at = this.#buffer.indexOf(CARRIAGE_RETURN, at + 1)) {
      if (at + length > this.#buffer.length) return -1
      if (this.#delimiter.every((byte, index) => this.#buffer[at + index] === byte)) return at
    }
    return -1
  }

  async #fill(): Promise<void> {
    const piece = await this.#pieces.next()
    if (piece.done === true) throw new OutboundError('invalid', 'the answer ends in the middle')
    this.#buffer = this.#buffer.length === 0 ? piece.value : joined(this.#buffer, piece.value)
  }
}

function joined(first: Uint8Array, second: Uint8Array): Uint8Array {
  const whole = new Uint8Array(first.length + second.length)
  whole.set(first)
  whole.set(second, first.length)
  return whole
}
