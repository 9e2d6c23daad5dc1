import { deepStrictEqual } from 'node:assert'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { canonicalJson, compareCodePoints, MAX_CANONICAL_DEPTH } from '../../../src/matrix/canonical-json.ts'
import type { JsonValue } from '../../../src/matrix/json.ts'
import { propertyRuns } from '../../support/property-runs.ts'
import { jsonValue, reversed, text } from './arbitraries.ts'
import { readVectors } from './vectors.ts'

interface CanonicalVectors {
  readonly cases: readonly { readonly input: string; readonly canonical: string }[]
}

describe('canonical JSON (appendices#canonical-json)', () => {
  test.each(readVectors<CanonicalVectors>('canonical-json/specification.json').cases)(
    'encodes the example $input of the specification',
    (example) => {
      expect(canonicalJson(JSON.parse(example.input))).toBe(example.canonical)
    },
  )

  test('encodes seeded random values as the canonicaljson library does', () => {
    for (const { input, canonical } of readVectors<CanonicalVectors>('canonical-json/canonicaljson.json').cases) {
      expect(canonicalJson(JSON.parse(input))).toBe(canonical)
    }
  })

  test('orders keys by code point where UTF-16 order differs (P6)', () => {
    expect(canonicalJson({ '😀': 1, '\uffff': 2, a: 3 })).toBe('{"a":3,"\uffff":2,"😀":1}')
    expect(['😀', '\uffff'].sort(compareCodePoints)).toEqual(['\uffff', '😀'])
  })

  test('treats keys that are names of prototype members as ordinary keys (P7)', () => {
    const written = '{"__proto__":{"a":1},"constructor":2,"hasOwnProperty":4,"toString":3}'
    expect(canonicalJson(JSON.parse(written))).toBe(written)
  })

  test('skips keys without a value', () => {
    expect(canonicalJson({ a: undefined, b: 1 })).toBe('{"b":1}')
  })

  test.each([1.5, 2 ** 53, -(2 ** 53), Number.NaN, Number.POSITIVE_INFINITY])('refuses the number %s (P5)', (number) => {
    expect(() => canonicalJson({ a: number })).toThrowError(expect.objectContaining({ errcode: 'M_BAD_JSON' }))
  })

  test('writes numbers of old rooms in the form that reads back as the same number', () => {
    expect(canonicalJson({ a: 1.5, b: 2 ** 53, c: -0, d: 1e21 }, 'legacy')).toBe('{"a":1.5,"b":9007199254740992,"c":0,"d":1e+21}')
    expect(() => canonicalJson({ a: Number.NaN }, 'legacy')).toThrow()
  })

  test('refuses lone surrogates in strings and keys (P3)', () => {
    expect(() => canonicalJson({ a: '\ud800' })).toThrowError(expect.objectContaining({ errcode: 'M_BAD_JSON' }))
    expect(() => canonicalJson({ [`${'x'.repeat(50)}\udc00`]: 1 })).toThrow()
  })

  test('refuses what JSON does not have, and holes in arrays', () => {
    const hole: JsonValue[] = []
    hole.length = 1
    expect(() => canonicalJson(hole)).toThrowError(expect.objectContaining({ errcode: 'M_BAD_JSON' }))
  })

  test('refuses nesting beyond its bound instead of exhausting the stack (P2)', () => {
    const nested = (depth: number): JsonValue => JSON.parse('['.repeat(depth) + ']'.repeat(depth))
    expect(canonicalJson(nested(MAX_CANONICAL_DEPTH))).toHaveLength(2 * MAX_CANONICAL_DEPTH)
    expect(() => canonicalJson(nested(MAX_CANONICAL_DEPTH + 1))).toThrow()
    expect(() => canonicalJson(nested(100_000))).toThrowError(expect.objectContaining({ errcode: 'M_BAD_JSON' }))
  })

  test('is idempotent, reads back as the same value and does not depend on key order', () => {
    fc.assert(
      fc.property(jsonValue, (value) => {
        const canonical = canonicalJson(value)
        deepStrictEqual(JSON.parse(canonical), value)
        expect(canonicalJson(JSON.parse(canonical))).toBe(canonical)
        expect(canonicalJson(reversed(value))).toBe(canonical)
      }),
      { numRuns: propertyRuns(100) },
    )
  })

  test('compares code points as their numeric sequence', () => {
    fc.assert(
      fc.property(text(), text(), (left, right) => {
        expect(Math.sign(compareCodePoints(left, right))).toBe(Math.sign(compareByPoints(left, right)))
      }),
      { numRuns: propertyRuns(100) },
    )
  })
})

function compareByPoints(left: string, right: string): number {
  const [a, b] = [left, right].map((string) => Array.from(string, (character) => character.codePointAt(0) ?? 0))
  for (let index = 0; index < Math.min(a?.length ?? 0, b?.length ?? 0); index++) {
    const difference = (a?.[index] ?? 0) - (b?.[index] ?? 0)
    if (difference !== 0) return difference
  }
  return (a?.length ?? 0) - (b?.length ?? 0)
}
