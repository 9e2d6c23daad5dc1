const HEAD_END = Buffer.from('\r\n\r\n')
const LINE_END = Buffer.from('\r\n')

/** Status and body of one answer. */
export interface ParsedAnswer {
  readonly status: number
  readonly body: Buffer
}

/** Reads HTTP/1.1 answers with a content length or in chunks, which is what workerd sends. */
export class AnswerParser {
  #buffered: Buffer[] = []
  #bytes = 0
  /** Bytes that are certainly needed before looking again is worthwhile. */
  #needed = 0

  /** Takes what has arrived; answers once an answer is complete. */
  push(chunk: Buffer): ParsedAnswer | undefined {
    this.#buffered.push(chunk)
    this.#bytes += chunk.length
    if (this.#bytes < this.#needed) return undefined
    const all = this.#buffered.length === 1 ? chunk : Buffer.concat(this.#buffered, this.#bytes)
    const parsed = this.#parse(all)
    if (parsed === undefined) {
      this.#buffered = [all]
      return undefined
    }
    this.#buffered = []
    this.#bytes = 0
    this.#needed = 0
    return parsed
  }

  #parse(all: Buffer): ParsedAnswer | undefined {
    const headEnd = all.indexOf(HEAD_END)
    if (headEnd < 0) return undefined
    const head = all.toString('latin1', 0, headEnd)
    const status = Number(head.slice(9, 12))
    const bodyStart = headEnd + HEAD_END.length
    const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1]
    if (length !== undefined) {
      this.#needed = bodyStart + Number(length)
      return all.length < this.#needed ? undefined : { status, body: all.subarray(bodyStart, this.#needed) }
    }
    if (!/\r\ntransfer-encoding: *chunked/i.test(head)) return { status, body: Buffer.alloc(0) }
    return this.#parseChunks(all, bodyStart, status)
  }

  #parseChunks(all: Buffer, bodyStart: number, status: number): ParsedAnswer | undefined {
    const parts: Buffer[] = []
    for (let at = bodyStart; ; ) {
      const lineEnd = all.indexOf(LINE_END, at)
      if (lineEnd < 0) return undefined
      const size = Number.parseInt(all.toString('latin1', at, lineEnd), 16)
      const start = lineEnd + LINE_END.length
      this.#needed = start + size + LINE_END.length
      if (all.length < this.#needed) return undefined
      if (size === 0) return { status, body: Buffer.concat(parts) }
      parts.push(all.subarray(start, start + size))
      at = this.#needed
    }
  }
}
