import { badJson } from './errors.ts'
import type { JsonObject, JsonValue } from './json.ts'

/**
 * Deepest nesting of objects and arrays that can be made canonical. Above what the strict parser lets in, so that only a defect meets it;
 * it exists so that no input can exhaust the stack.
 */
export const MAX_CANONICAL_DEPTH = 256

/**
 * `strict`: integers within ±(2^53-1) only, as room versions 6 and later and all signed JSON outside rooms require.
 * `legacy`: any finite number, in the shortest form that reads back as the same double; for events of room versions 1 to 5,
 * after `parseStrictJson` has established that this form is the one that was received.
 */
export type CanonicalNumbers = 'strict' | 'legacy'

/**
 * Canonical JSON (appendices#canonical-json): no whitespace, keys in order of Unicode code points, shortest escapes, integers only.
 * Keys whose value is `undefined` count as absent.
 * @throws MatrixError M_BAD_JSON for numbers that the mode does not allow, lone surrogates, values that JSON does not have,
 *   and nesting deeper than {@link MAX_CANONICAL_DEPTH}.
 */
export function canonicalJson(value: JsonValue, numbers: CanonicalNumbers = 'strict'): string {
  return write(value, numbers, 0)
}

function write(value: JsonValue, numbers: CanonicalNumbers, depth: number): string {
  switch (typeof value) {
    case 'string':
      return writeString(value)
    case 'number':
      return writeNumber(value, numbers)
    case 'boolean':
      return value ? 'true' : 'false'
    case 'object':
      if (value === null) return 'null'
      if (depth >= MAX_CANONICAL_DEPTH) throw badJson(`JSON is nested deeper than ${MAX_CANONICAL_DEPTH}`)
      return isArray(value) ? writeArray(value, numbers, depth + 1) : writeObject(value, numbers, depth + 1)
    default:
      throw badJson('Not a JSON value')
  }
}

function writeArray(values: readonly JsonValue[], numbers: CanonicalNumbers, depth: number): string {
  let text = '['
  for (let index = 0; index < values.length; index++) {
    if (index > 0) text += ','
    // A hole reads as undefined, which `write` refuses.
    text += write(values[index] as JsonValue, numbers, depth)
  }
  return `${text}]`
}

function writeObject(object: JsonObject, numbers: CanonicalNumbers, depth: number): string {
  let text = '{'
  for (const key of sortedKeys(object)) {
    const value = object[key]
    if (value === undefined) continue
    if (text.length > 1) text += ','
    text += `${writeString(key)}:${write(value, numbers, depth)}`
  }
  return `${text}}`
}

/** Characters that JSON.stringify leaves alone and that cannot be half of a surrogate pair: nearly every string is made of them. */
const PLAIN = /^[ !#-[\]-~]*$/
/** Above this length the native serializer is faster than testing first. */
const PLAIN_TEST_LENGTH = 40

function writeString(text: string): string {
  if (text.length <= PLAIN_TEST_LENGTH && PLAIN.test(text)) return `"${text}"`
  if (!text.isWellFormed()) throw badJson('A string contains a lone surrogate')
  return JSON.stringify(text)
}

function writeNumber(value: number, numbers: CanonicalNumbers): string {
  if (Number.isSafeInteger(value)) return value === 0 ? '0' : String(value)
  if (numbers === 'legacy' && Number.isFinite(value)) return String(value)
  throw badJson('Numbers must be integers between -(2^53-1) and 2^53-1')
}

const SURROGATE = /[\ud800-\udfff]/

function sortedKeys(object: JsonObject): string[] {
  const keys = Object.keys(object)
  if (keys.length < 2) return keys
  // The default order compares UTF-16 units, which differs from code points only where surrogates are involved.
  return keys.some(hasSurrogate) ? keys.sort(compareCodePoints) : keys.sort()
}

function hasSurrogate(text: string): boolean {
  return SURROGATE.test(text)
}

/** Order by Unicode code point: negative, zero or positive as for `Array.prototype.sort`. */
export function compareCodePoints(left: string, right: string): number {
  const shared = Math.min(left.length, right.length)
  for (let index = 0; index < shared; index++) {
    const a = left.charCodeAt(index)
    const b = right.charCodeAt(index)
    if (a !== b) return order(a) - order(b)
  }
  return left.length - right.length
}

/** Moves surrogates (which stand for code points from U+10000) above the other units, which is all that code-point order changes. */
function order(unit: number): number {
  return unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit
}

function isArray(value: readonly JsonValue[] | JsonObject): value is readonly JsonValue[] {
  return Array.isArray(value)
}
