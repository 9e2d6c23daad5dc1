import { utf8ByteLength } from '../matrix/crypto.ts'

/*
 * A large JSON value in small pieces, so that neither writing nor reading it takes long at once, and each fits into a row of a table. Every
 * long array is taken out and stored in parts of its own; in its place stands a reference with the number of its parts.
 */

/** Most bytes (UTF-8) of a part that has more than one element. */
export const MAX_PART_BYTES = 500_000
/** Longest array that stays where it is. */
const MAX_INLINE_ELEMENTS = 64
/** Most elements of a part: what can be written or read in a few milliseconds. */
const MAX_PART_ELEMENTS = 4096
/** The only member of a reference. No object inside an array of a value has members of this name. */
const PARTS = '$parts'
/** Name of the part that comes last and holds the value without what was taken out of it. */
const HEAD = ''

/** A piece of a stored value. */
export interface StoredPart {
  /** Unique within the value. A part whose text is unchanged since the value was last stored need not be written again. */
  readonly name: string
  /** JSON. */
  readonly text: string
}

type Json = unknown

/**
 * The parts of a JSON value, made one by one as they are asked for. The value must not change meanwhile. Long arrays that only grow keep
 * their parts but the last.
 */
export function* partsOf(value: Json): Generator<StoredPart, void> {
  const head = yield* withoutLongArrays(value, 'value')
  yield { name: HEAD, text: JSON.stringify(head) }
}

function* withoutLongArrays(value: Json, path: string): Generator<StoredPart, Json> {
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return yield* arrayInParts(value, path)
  const short: Record<string, Json> = {}
  for (const [key, member] of Object.entries(value)) short[key] = yield* withoutLongArrays(member, `${path}.${key}`)
  return short
}

function* arrayInParts(elements: readonly Json[], path: string): Generator<StoredPart, Json> {
  if (elements.length <= MAX_INLINE_ELEMENTS && !elements.some(hasLongArray)) return elements
  let texts: string[] = []
  let bytes = 0
  let parts = 0
  for (const [place, element] of elements.entries()) {
    const short = hasLongArray(element) ? yield* withoutLongArrays(element, `${path}.${place}`) : element
    const text = JSON.stringify(short)
    const length = utf8ByteLength(text) + 1
    if (texts.length > 0 && (texts.length === MAX_PART_ELEMENTS || bytes + length > MAX_PART_BYTES)) {
      yield { name: `${path}/${parts}`, text: `[${texts.join(',')}]` }
      texts = []
      bytes = 0
      parts += 1
    }
    texts.push(text)
    bytes += length
  }
  if (texts.length > 0) {
    yield { name: `${path}/${parts}`, text: `[${texts.join(',')}]` }
    parts += 1
  }
  return { [PARTS]: [path, parts] }
}

function hasLongArray(value: Json): boolean {
  return Array.isArray(value) && (value.length > MAX_INLINE_ELEMENTS || value.some(hasLongArray))
}

/** Puts parts together again, in whatever order they come. */
export class PartReader {
  readonly #arrays = new Map<string, { readonly elements: readonly Json[]; readonly mayRefer: boolean }>()
  #head: Json

  /** Takes one part of those that {@link partsOf} gave. Throws if it is not JSON. */
  add({ name, text }: StoredPart): void {
    const value: Json = JSON.parse(text)
    if (name === HEAD) this.#head = value
    else if (Array.isArray(value)) this.#arrays.set(name, { elements: value, mayRefer: text.includes(PARTS) })
  }

  /** The value, once all parts are there; `undefined` if one is missing. The reader lets go of it: this works once. */
  value(): Json {
    try {
      return this.#restore(this.#head)
    } catch (error) {
      if (error instanceof MissingPart) return undefined
      throw error
    }
  }

  #restore(value: Json): Json {
    if (typeof value !== 'object' || value === null) return value
    // An array that something was taken out of is in parts itself.
    if (Array.isArray(value)) return value
    if (isReference(value)) return this.#join(...value[PARTS])
    return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, this.#restore(member)]))
  }

  #join(path: string, parts: number): readonly Json[] {
    const pieces: (readonly Json[])[] = []
    for (let part = 0; part < parts; part++) {
      const stored = this.#arrays.get(`${path}/${part}`)
      if (stored === undefined) throw new MissingPart()
      this.#arrays.delete(`${path}/${part}`)
      const { elements, mayRefer } = stored
      pieces.push(mayRefer ? elements.map((element) => (isReference(element) ? this.#restore(element) : element)) : elements)
    }
    // Faster than `flat` by far.
    const none: Json[] = []
    return none.concat(...pieces)
  }
}

/** Never leaves this module. */
class MissingPart extends Error {}

function isReference(value: Json): value is { readonly [PARTS]: readonly [path: string, parts: number] } {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, PARTS)
}
