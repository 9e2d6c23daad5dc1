import { canonicalJson, compareCodePoints } from './canonical-json.ts'
import type { JsonValue } from './json.ts'
import {
  endOfString,
  JSON_DEPTH_CEILING,
  MAX_JSON_DEPTH,
  MAX_JSON_VALUES,
  type StrictJsonOptions,
  type StrictJsonReason,
} from './strict-json.ts'

/*
 * A slower parser for the rare bodies of other servers that `parseStrictJson` refuses for a number such as `1.0`. Events of room versions 1
 * to 5 may contain those, and one such event must not make the signature of a whole transaction unverifiable (or the others in
 * it unusable). It keeps the numbers' text for the canonical form, and says which parts of the value are not what was sent.
 */

/** A body with numbers that JavaScript cannot repeat. */
export interface LosslessJson {
  readonly ok: true
  readonly value: JsonValue
  /** Canonical JSON of the whole, each number as it was written. */
  readonly canonical: string
  /** Objects and arrays that contain, at any depth, a number which would be written differently. Events among them must be dropped. */
  readonly inexact: ReadonlySet<JsonValue>
}

/** Bounds of a parse; the defaults are those of `parseStrictJson`. */
export type LosslessJsonOptions = Pick<StrictJsonOptions, 'allowNul' | 'maxDepth' | 'maxValues'>

/**
 * Parses JSON and its canonical form at once. Refuses duplicate keys, lone surrogates, excessive depth and size, but no number.
 * Never throws; time is linear in the length of the text, but for sorting keys.
 */
export function parseLosslessJson(
  text: string,
  options: LosslessJsonOptions = {},
): LosslessJson | { readonly ok: false; readonly reason: StrictJsonReason } {
  const parser = new LosslessParser(text, options)
  try {
    const { value, canonical } = parser.parse()
    return { ok: true, value, canonical, inexact: parser.inexact }
  } catch (error) {
    if (error instanceof Refusal) return { ok: false, reason: error.reason }
    throw error
  }
}

/** Carries a reason out of the recursion; never leaves this module. */
class Refusal extends Error {
  readonly reason: StrictJsonReason

  constructor(reason: StrictJsonReason) {
    super(reason)
    this.reason = reason
  }
}

interface Node {
  readonly value: JsonValue
  readonly canonical: string
  readonly exact: boolean
}

const WHITESPACE = /[ \t\n\r]*/y
/** A number or a literal as JSON writes them. */
const SCALAR = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?|true|false|null/y

class LosslessParser {
  readonly inexact = new Set<JsonValue>()
  readonly #text: string
  readonly #maxDepth: number
  readonly #allowNul: boolean
  #valuesLeft: number
  #index = 0

  constructor(text: string, { allowNul = false, maxDepth = MAX_JSON_DEPTH, maxValues = MAX_JSON_VALUES }: LosslessJsonOptions) {
    this.#text = text
    this.#maxDepth = Math.min(maxDepth, JSON_DEPTH_CEILING)
    this.#allowNul = allowNul
    this.#valuesLeft = maxValues
  }

  parse(): Node {
    const node = this.#value(0)
    if (this.#index < this.#text.length) throw new Refusal('not_json')
    return node
  }

  #value(depth: number): Node {
    if (--this.#valuesLeft < 0) throw new Refusal('too_many_values')
    this.#skipWhitespace()
    const opening = this.#text[this.#index]
    const isContainer = opening === '{' || opening === '['
    if (isContainer && depth >= this.#maxDepth) throw new Refusal('too_deep')
    const node = opening === '{' ? this.#object(depth + 1) : opening === '[' ? this.#array(depth + 1) : this.#scalar()
    if (isContainer && !node.exact) this.inexact.add(node.value)
    this.#skipWhitespace()
    return node
  }

  #object(depth: number): Node {
    const members = new Map<string, Node>()
    this.#index++
    this.#skipWhitespace()
    if (!this.#accept('}')) {
      do {
        this.#skipWhitespace()
        const key = this.#scalar().value
        this.#skipWhitespace()
        if (typeof key !== 'string' || !this.#accept(':')) throw new Refusal('not_json')
        if (members.has(key)) throw new Refusal('duplicate_key')
        members.set(key, this.#value(depth))
      } while (this.#accept(','))
      if (!this.#accept('}')) throw new Refusal('not_json')
    }
    const sorted = [...members].sort(([left], [right]) => compareCodePoints(left, right))
    return {
      // `fromEntries` defines own properties, also one called `__proto__`.
      value: Object.fromEntries([...members].map(([key, node]) => [key, node.value])),
      canonical: `{${sorted.map(([key, node]) => `${canonicalJson(key)}:${node.canonical}`).join(',')}}`,
      exact: sorted.every(([, node]) => node.exact),
    }
  }

  #array(depth: number): Node {
    const elements: Node[] = []
    this.#index++
    this.#skipWhitespace()
    if (!this.#accept(']')) {
      do elements.push(this.#value(depth))
      while (this.#accept(','))
      if (!this.#accept(']')) throw new Refusal('not_json')
    }
    return {
      value: elements.map((node) => node.value),
      canonical: `[${elements.map((node) => node.canonical).join(',')}]`,
      exact: elements.every((node) => node.exact),
    }
  }

  #scalar(): Node {
    const end = this.#endOfScalar()
    if (end <= this.#index) throw new Refusal('not_json')
    const token = this.#text.slice(this.#index, end)
    this.#index = end
    const value = readScalar(token)
    if (typeof value === 'number') return { value, canonical: token, exact: String(value) === token }
    if (typeof value === 'string' && !value.isWellFormed()) throw new Refusal('lone_surrogate')
    if (typeof value === 'string' && !this.#allowNul && value.includes('\0')) throw new Refusal('nul')
    return { value, canonical: canonicalJson(value), exact: true }
  }

  /** Index behind the scalar that starts here, 0 if none does. */
  #endOfScalar(): number {
    if (this.#text[this.#index] === '"') return endOfString(this.#text, this.#index) + 1
    SCALAR.lastIndex = this.#index
    return SCALAR.test(this.#text) ? SCALAR.lastIndex : 0
  }

  #accept(character: string): boolean {
    if (this.#text[this.#index] !== character) return false
    this.#index++
    return true
  }

  #skipWhitespace(): void {
    WHITESPACE.lastIndex = this.#index
    WHITESPACE.test(this.#text)
    this.#index = WHITESPACE.lastIndex
  }
}

function readScalar(token: string): string | number | boolean | null {
  try {
    return JSON.parse(token)
  } catch {
    throw new Refusal('not_json')
  }
}
