import fc from 'fast-check'
import type { JsonObject, JsonValue } from '../../../src/matrix/json.ts'

/** Text with the characters that JSON, UTF-16 order and prototypes stumble over; always well-formed. */
export const text = (): fc.Arbitrary<string> =>
  fc.oneof(
    fc.string({ maxLength: 8 }),
    fc.string({ unit: 'grapheme', maxLength: 4 }),
    fc.constantFrom(
      '__proto__',
      'constructor',
      'toString',
      'hasOwnProperty',
      '\ue000',
      '\uffff',
      '😀',
      '\u{10ffff}',
      '"',
      '\\',
      '\u2028',
      '\u0001',
    ),
  )

/**
 * An object with own properties of any name, `__proto__` included. No name has a backslash: once V8 13 (Node 24, not workerd) has parsed one,
 * its `JSON.parse` misreads other escaped names behind the same keys (nodejs/node#63785).
 */
function objectOf(value: fc.Arbitrary<JsonValue>): fc.Arbitrary<JsonObject> {
  const name = text().filter((candidate) => !candidate.includes('\\'))
  return fc.uniqueArray(fc.tuple(name, value), { selector: ([key]) => key, maxLength: 6 }).map((entries) => Object.fromEntries(entries))
}

const safeInteger = (): fc.Arbitrary<number> =>
  fc.oneof(fc.integer({ min: -1000, max: 1000 }), fc.maxSafeInteger()).map((n) => (n === 0 ? 0 : n))

/** JSON values that canonical JSON allows. */
export const { value: jsonValue } = fc.letrec<{ value: JsonValue }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.oneof(fc.boolean(), fc.constant(null), safeInteger(), text()),
    fc.array(tie('value'), { maxLength: 5 }),
    objectOf(tie('value')),
  ),
}))

/** JSON objects that canonical JSON allows. */
export const jsonObject = (): fc.Arbitrary<JsonObject> => objectOf(jsonValue)

/** The same value with the keys of every object in reverse order. */
export function reversed(value: JsonValue): JsonValue {
  if (Array.isArray(value)) return value.map(reversed)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value as JsonObject)
      .reverse()
      .map(([key, member]) => [key, reversed(member ?? null)]),
  )
}
