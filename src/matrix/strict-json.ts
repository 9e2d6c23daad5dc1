import { badJson, type MatrixError, notJson } from './errors.ts'
import type { JsonValue } from './json.ts'

/*
 * JSON parsing that refuses what `JSON.parse` silently alters or lets through: duplicate keys, numbers that do not survive, lone surrogates,
 * NUL, nesting and sizes without bound. One scan of the text bounds it and looks at numbers, the native parser builds the value, one
 * walk over the value finds what only the value shows. Keys such as `__proto__` are ordinary own properties throughout.
 */

/** Deepest nesting of objects and arrays unless a caller says otherwise. */
export const MAX_JSON_DEPTH = 64
/** Deepest nesting that a caller can ask for: the walk over a value is recursive. */
export const JSON_DEPTH_CEILING = 1_000
/** Most values (members and elements of everything) unless a caller says otherwise. */
export const MAX_JSON_VALUES = 100_000

/** What a caller accepts. */
export interface StrictJsonOptions {
  /**
   * `integers` (default): integers within ±(2^53-1), written without fraction or exponent, and not `-0`; canonical JSON of room version 6 and
   * later (appendices#canonical-json). `exact`: any number whose text is what `canonicalJson` would write for it again; events of room
   * versions 1 to 5, so that a signature is checked over the bytes that were signed or not at all. `any`: as `JSON.parse`; request
   * bodies that are never signed.
   */
  readonly numbers?: 'integers' | 'exact' | 'any'
  /** Whether strings and keys may contain U+0000 (default: no). */
  readonly allowNul?: boolean
  /** At most {@link JSON_DEPTH_CEILING}. */
  readonly maxDepth?: number
  readonly maxValues?: number
}

/** Why a text was refused. */
export type StrictJsonReason = 'not_json' | 'too_deep' | 'too_many_values' | 'duplicate_key' | 'bad_number' | 'lone_surrogate' | 'nul'

/** The value of a text, or why it was refused. */
export type StrictJsonResult = { readonly ok: true; readonly value: JsonValue } | { readonly ok: false; readonly reason: StrictJsonReason }

/** Parses a JSON text under the given rules. Never throws; time is linear in the length of the text, which the caller bounds. */
export function parseStrictJson(text: string, options: StrictJsonOptions = {}): StrictJsonResult {
  const { numbers = 'integers', allowNul = false, maxDepth = MAX_JSON_DEPTH, maxValues = MAX_JSON_VALUES } = options
  const scan = scanText(text, numbers, Math.min(maxDepth, JSON_DEPTH_CEILING), maxValues)
  if (typeof scan === 'string') return { ok: false, reason: scan }
  let value: JsonValue
  try {
    value = JSON.parse(text)
  } catch {
    return { ok: false, reason: 'not_json' }
  }
  // Without escapes a string has what the text has, and raw control characters are not JSON.
  const checkStrings = text.includes('\\u') || !text.isWellFormed()
  const walk: Walk = { members: 0, checkIntegers: numbers === 'integers', checkStrings, allowNul, problem: undefined }
  visit(value, walk)
  if (walk.problem !== undefined) return { ok: false, reason: walk.problem }
  // A key that was given twice is in the text twice and in the value once.
  return walk.members === scan.members ? { ok: true, value } : { ok: false, reason: 'duplicate_key' }
}

const REASONS: Readonly<Record<StrictJsonReason, string>> = {
  not_json: 'The text is not JSON',
  too_deep: 'The JSON is nested too deeply',
  too_many_values: 'The JSON has too many values',
  duplicate_key: 'The JSON has an object with the same key twice',
  bad_number: 'The JSON has a number that is not an integer between -(2^53-1) and 2^53-1',
  lone_surrogate: 'The JSON has a string with a lone surrogate',
  nul: 'The JSON has a string with U+0000',
}

/** The answer to a client whose body was refused: M_NOT_JSON, or M_BAD_JSON with what is wrong. */
export function strictJsonError(reason: StrictJsonReason): MatrixError {
  return reason === 'not_json' ? notJson() : badJson(REASONS[reason])
}

const QUOTE = 0x22
const PLUS = 0x2b
const COMMA = 0x2c
const MINUS = 0x2d
const DOT = 0x2e
const ZERO = 0x30
const NINE = 0x39
const COLON = 0x3a
const UPPER_E = 0x45
const BACKSLASH = 0x5c
const OPEN_BRACKET = 0x5b
const CLOSE_BRACKET = 0x5d
const LOWER_E = 0x65
const OPEN_BRACE = 0x7b
const CLOSE_BRACE = 0x7d

/** Digits up to which every integer is exact. */
const EXACT_DIGITS = 15

/**
 * Counts members and bounds depth and values in one pass over what is outside strings, and checks how numbers are written. Leaves
 * syntax to the parser: on a text that is not JSON its counts mean nothing.
 */
function scanText(
  text: string,
  numbers: 'integers' | 'exact' | 'any',
  maxDepth: number,
  maxValues: number,
): { readonly members: number } | StrictJsonReason {
  let members = 0
  let values = 1
  let depth = 0
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index)
    if (code === QUOTE) {
      index = endOfString(text, index)
      if (index < 0) return 'not_json'
    } else if (code === COLON) {
      members++
    } else if (code === COMMA) {
      values++
    } else if (code === OPEN_BRACE || code === OPEN_BRACKET) {
      values++
      if (++depth > maxDepth) return 'too_deep'
    } else if (code === CLOSE_BRACE || code === CLOSE_BRACKET) {
      depth--
    } else if (code === MINUS || (code >= ZERO && code <= NINE)) {
      const end = endOfNumber(text, index)
      if (numbers !== 'any' && !isAllowedNumber(text, index, end, numbers)) return 'bad_number'
      index = end - 1
    }
    if (values > maxValues) return 'too_many_values'
  }
  return { members }
}

/** Index of the quote that ends the string which starts at `start`, or -1. */
export function endOfString(text: string, start: number): number {
  let end = text.indexOf('"', start + 1)
  while (end > 0 && text.charCodeAt(end - 1) === BACKSLASH) {
    let run = end - 1
    while (text.charCodeAt(run - 1) === BACKSLASH) run--
    // An even run of backslashes escapes itself, not the quote.
    if ((end - run) % 2 === 0) return end
    end = text.indexOf('"', end + 1)
  }
  return end
}

function endOfNumber(text: string, start: number): number {
  let end = start + 1
  while (end < text.length && isNumberCharacter(text.charCodeAt(end))) end++
  return end
}

function isNumberCharacter(code: number): boolean {
  return (code >= ZERO && code <= NINE) || code === DOT || code === LOWER_E || code === UPPER_E || code === PLUS || code === MINUS
}

/** Whether a number is written as it may be; whether an integer is in range is left to the walk over the value. */
function isAllowedNumber(text: string, start: number, end: number, numbers: 'integers' | 'exact'): boolean {
  if (text.charCodeAt(start) === MINUS && text.charCodeAt(start + 1) === ZERO && end === start + 2) return false
  let integer = true
  for (let index = start + 1; index < end && integer; index++) integer = isDigit(text.charCodeAt(index))
  if (numbers === 'integers') return integer
  if (integer && end - start <= EXACT_DIGITS) return true
  const token = text.slice(start, end)
  return String(Number(token)) === token
}

function isDigit(code: number): boolean {
  return code >= ZERO && code <= NINE
}

/** State of the walk over a parsed value. */
interface Walk {
  members: number
  readonly checkIntegers: boolean
  readonly checkStrings: boolean
  readonly allowNul: boolean
  problem: StrictJsonReason | undefined
}

/** Recursion is bounded: the scan has refused what is nested deeper than the caller allows. */
function visit(value: JsonValue, walk: Walk): void {
  if (typeof value === 'string') {
    if (walk.checkStrings) checkString(value, walk)
  } else if (typeof value === 'number') {
    if (walk.checkIntegers && !Number.isSafeInteger(value)) walk.problem ??= 'bad_number'
  } else if (Array.isArray(value)) {
    for (let index = 0; index < value.length; index++) visit(value[index], walk)
  } else if (typeof value === 'object' && value !== null) {
    visitObject(value as { readonly [key: string]: JsonValue }, walk)
  }
}

function visitObject(object: { readonly [key: string]: JsonValue }, walk: Walk): void {
  for (const key in object) {
    walk.members++
    if (walk.checkStrings) checkString(key, walk)
    visit(object[key] ?? null, walk)
  }
}

function checkString(text: string, walk: Walk): void {
  if (!text.isWellFormed()) walk.problem ??= 'lone_surrogate'
  else if (!walk.allowNul && text.includes('\0')) walk.problem ??= 'nul'
}
