import { OutboundError } from './outbound-error.ts'

/** A part of a JSON object that is read as it arrives: an element of one of the arrays that are streamed, or any other member whole. */
export interface JsonPiece {
  readonly name: string
  /** JSON text of the element or the value; whether it is JSON is for whoever parses it. */
  readonly text: string
  /** Whether it is one element of the array `name`, of which there may be many. */
  readonly isElement: boolean
}

/** What {@link JsonPieceReader} takes apart, and how much of it at most. */
export interface JsonPieceOptions {
  /** Members of the object that are arrays and come element by element. */
  readonly streamed: ReadonlySet<string>
  /** Bytes of one element. A longer one is skipped. */
  readonly maxElementBytes: number
  /** Bytes of one other member, and of a key. A longer one ends the reading. */
  readonly maxMemberBytes: number
}

const QUOTE = 0x22
const BACKSLASH = 0x5c
const COMMA = 0x2c
const COLON = 0x3a
const OPEN_BRACE = 0x7b
const CLOSE_BRACE = 0x7d
const OPEN_BRACKET = 0x5b
const CLOSE_BRACKET = 0x5d
/** Keys of members that nobody asked for are remembered up to this number. */
const MAX_MEMBERS = 64

type State = 'start' | 'key' | 'colon' | 'value' | 'after-member' | 'element' | 'after-element' | 'end'

/** Space, tab, line feed, carriage return. */
function isSpace(byte: number): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09
}

/**
 * Takes a JSON object apart while it arrives, so that an answer of a hundred megabytes is never held whole: it finds where each part begins and
 * ends and leaves the parts themselves to a parser. Linear in the bytes; what it holds is bounded by one part.
 */
export class JsonPieceReader {
  readonly #options: JsonPieceOptions
  // A byte order mark is kept, so that it is refused like any other character before the value.
  readonly #decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
  readonly #seen = new Set<string>()
  #state: State = 'start'
  #name = ''
  /** Whether the array has, or the object had, a part already: only then may a comma come before the next. */
  #isFirst = true
  // The part being captured: what of it came in earlier chunks, how long that is, and where in its syntax it stands.
  #held: Uint8Array[] = []
  #heldBytes = 0
  #depth = 0
  #inString = false
  #escaped = false
  #kind: 'string' | 'nested' | 'plain' | undefined

  constructor(options: JsonPieceOptions) {
    this.#options = options
  }

  /** The parts that end in this chunk, in order. @throws OutboundError invalid, too_large. */
  push(chunk: Uint8Array): JsonPiece[] {
    const pieces: JsonPiece[] = []
    let at = 0
    while (at < chunk.length) {
      if (this.#kind !== undefined) {
        at = this.#capture(chunk, at, pieces)
        continue
      }
      const byte = chunk[at] ?? 0
      if (isSpace(byte)) at += 1
      else at = this.#step(byte, at)
    }
    return pieces
  }

  /** The object is over. @throws OutboundError invalid if it is not. */
  end(): void {
    if (this.#state !== 'end') throw notJson()
  }

  /** One byte of syntax between parts; answers where to go on. A part begins by capturing without moving on. */
  #step(byte: number, at: number): number {
    switch (this.#state) {
      case 'start':
        if (byte !== OPEN_BRACE) throw notJson()
        return this.#go('key', true, at)
      case 'key':
        if (byte === CLOSE_BRACE && this.#isFirst) return this.#go('end', false, at)
        if (byte !== QUOTE) throw notJson()
        return this.#begin(byte, at)
      case 'colon':
        if (byte !== COLON) throw notJson()
        return this.#go('value', false, at)
      case 'value':
        if (byte === OPEN_BRACKET && this.#options.streamed.has(this.#name)) return this.#go('element', true, at)
        return this.#begin(byte, at)
      case 'element':
        if (byte === CLOSE_BRACKET && this.#isFirst) return this.#go('after-member', false, at)
        return this.#begin(byte, at)
      case 'after-element':
        if (byte === CLOSE_BRACKET) return this.#go('after-member', false, at)
        if (byte !== COMMA) throw notJson()
        return this.#go('element', false, at)
      case 'after-member':
        if (byte === CLOSE_BRACE) return this.#go('end', false, at)
        if (byte !== COMMA) throw notJson()
        return this.#go('key', false, at)
      case 'end':
        throw notJson()
    }
  }

  #go(state: State, isFirst: boolean, at: number): number {
    this.#state = state
    this.#isFirst = isFirst
    return at + 1
  }

  #begin(byte: number, at: number): number {
    if (byte === COMMA || byte === COLON || byte === CLOSE_BRACE || byte === CLOSE_BRACKET) throw notJson()
    this.#kind = byte === QUOTE ? 'string' : byte === OPEN_BRACE || byte === OPEN_BRACKET ? 'nested' : 'plain'
    this.#depth = 0
    this.#inString = false
    this.#escaped = false
    return at
  }

  /** Takes bytes of the part that is being captured; answers where they end. */
  #capture(chunk: Uint8Array, start: number, pieces: JsonPiece[]): number {
    const end = this.#kind === 'plain' ? this.#endOfPlain(chunk, start) : this.#endOfNested(chunk, start)
    this.#hold(chunk, start, end ?? chunk.length, end === undefined)
    if (end === undefined) return chunk.length
    this.#finish(pieces)
    return end
  }

  #endOfPlain(chunk: Uint8Array, start: number): number | undefined {
    for (let at = start; at < chunk.length; at += 1) {
      const byte = chunk[at] ?? 0
      if (byte === COMMA || byte === CLOSE_BRACE || byte === CLOSE_BRACKET || isSpace(byte)) return at
    }
    return undefined
  }

  /** Of strings, objects and arrays: behind the byte that closes what the part's first byte opened. */
  #endOfNested(chunk: Uint8Array, start: number): number | undefined {
    let depth = this.#depth
    let inString = this.#inString
    let escaped = this.#escaped
    let end: number | undefined
    for (let at = start; at < chunk.length; at += 1) {
      const byte = chunk[at]
      if (inString) {
        if (escaped) escaped = false
        else if (byte === BACKSLASH) escaped = true
        else if (byte === QUOTE) inString = false
        else continue
        if (inString || depth > 0) continue
      } else if (byte === QUOTE) {
        inString = true
        continue
      } else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) {
        depth += 1
        continue
      } else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) {
        depth -= 1
        if (depth > 0) continue
      } else continue
      end = at + 1
      break
    }
    this.#depth = depth
    this.#inString = inString
    this.#escaped = escaped
    return end
  }

  /** Takes a stretch of the part; one that goes on in the next chunk is copied, since chunks are not kept. */
  #hold(chunk: Uint8Array, start: number, end: number, goesOn: boolean): void {
    const isElement = this.#state === 'element'
    this.#heldBytes += end - start
    if (this.#heldBytes <= (isElement ? this.#options.maxElementBytes : this.#options.maxMemberBytes)) {
      this.#held.push(goesOn ? chunk.slice(start, end) : chunk.subarray(start, end))
      return
    }
    if (!isElement) throw new OutboundError('too_large', 'a member of the answer is too large')
    this.#held = []
  }

  #finish(pieces: JsonPiece[]): void {
    const isTooLarge = this.#state === 'element' && this.#heldBytes > this.#options.maxElementBytes
    const text = isTooLarge ? undefined : this.#text()
    this.#held = []
    this.#heldBytes = 0
    this.#kind = undefined
    if (this.#state === 'key') {
      this.#name = this.#keyOf(text ?? '')
      this.#state = 'colon'
      return
    }
    const isElement = this.#state === 'element'
    if (text !== undefined) pieces.push({ name: this.#name, text, isElement })
    this.#state = isElement ? 'after-element' : 'after-member'
  }

  #keyOf(text: string): string {
    let key: unknown
    try {
      key = JSON.parse(text)
    } catch {
      throw notJson()
    }
    if (typeof key !== 'string' || this.#seen.has(key) || this.#seen.size >= MAX_MEMBERS) throw notJson()
    this.#seen.add(key)
    return key
  }

  #text(): string {
    const [only] = this.#held
    try {
      if (this.#held.length === 1 && only !== undefined) return this.#decoder.decode(only)
      const whole = new Uint8Array(this.#heldBytes)
      let filled = 0
      for (const part of this.#held) {
        whole.set(part, filled)
        filled += part.length
      }
      return this.#decoder.decode(whole)
    } catch (cause) {
      throw new OutboundError('invalid', 'the answer is not UTF-8', cause)
    }
  }
}

function notJson(): OutboundError {
  return new OutboundError('invalid', 'the answer is not a JSON object')
}
