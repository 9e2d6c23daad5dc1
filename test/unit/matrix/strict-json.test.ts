import { deepStrictEqual } from 'node:assert'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { canonicalJson } from '../../../src/matrix/canonical-json.ts'
import { parseLosslessJson } from '../../../src/matrix/lossless-json.ts'
import { JSON_DEPTH_CEILING, MAX_JSON_DEPTH, parseStrictJson, strictJsonError } from '../../../src/matrix/strict-json.ts'
import { propertyRuns } from '../../support/property-runs.ts'
import { jsonValue } from './arbitraries.ts'

const reasonOf = (text: string, options = {}): string => {
  const result = parseStrictJson(text, options)
  return result.ok ? 'ok' : result.reason
}

describe('strict JSON', () => {
  test.each([
    '',
    ' ',
    '{',
    '{"a":1',
    '{"a":1}}',
    '{"a":1} x',
    '\ufeff{}',
    '{"a":01}',
    '{"a":+1}',
    '{"a":.5}',
    "{'a':1}",
    '{a:1}',
    '"\n"',
    '"abc',
    '"\\"',
    '[1,]',
    'undefined',
    '{"a"::1}',
    '\u0000',
  ])('refuses %j, which is not JSON (P3)', (text) => {
    expect(['not_json', 'bad_number']).toContain(reasonOf(text))
    expect(reasonOf(text, { numbers: 'any' })).toBe('not_json')
  })

  test.each([
    '{"a":1,"a":2}',
    '{"a":1,"\\u0061":1}',
    '[{"x":{"__proto__":1,"__proto__":2}}]',
    '{"a":{"a":1},"b":[{"c":1,"c":1}]}',
    '{"":0,"":0}',
  ])('refuses the duplicate key in %s (P4)', (text) => {
    expect(reasonOf(text)).toBe('duplicate_key')
  })

  test.each(['1.0', '1.5', '1e3', '1E3', '-0', '0.0', '-0.0', '9007199254740992', '-9007199254740992', '1e400'])(
    'refuses the number %s in strict mode (P5)',
    (number) => {
      expect(reasonOf(`{"a":[${number}]}`)).toBe('bad_number')
      expect(reasonOf(`{"a":[${number}]}`, { numbers: 'any' })).toBe('ok')
    },
  )

  test.each(['0', '-1', '9007199254740991', '-9007199254740991', '10'])('accepts the number %s in strict mode', (number) => {
    expect(reasonOf(number)).toBe('ok')
  })

  test.each(['1.5', '9007199254740992', '50.57', '1e-7', '-1.25', '1e+21'])(
    'accepts %s where the text can be repeated exactly',
    (number) => {
      const result = parseStrictJson(`{"a":${number}}`, { numbers: 'exact' })
      expect(result.ok && canonicalJson(result.value, 'legacy')).toBe(`{"a":${number}}`)
    },
  )

  test.each(['1.0', '-0', '9007199254740993', '1e3', '0.00000001', '9223372036854775807', '1E5'])(
    'refuses %s where the text could not be repeated exactly (P5)',
    (number) => {
      expect(reasonOf(`{"a":${number}}`, { numbers: 'exact' })).toBe('bad_number')
    },
  )

  test('does not look for numbers, brackets or colons inside strings', () => {
    expect(reasonOf('{"1.5":"-0 {[ 1e3 \\" : , \\\\"}')).toBe('ok')
    expect(reasonOf('["\\\\","1.0",{"\\\\\\"":":"}]')).toBe('ok')
  })

  test.each(['"\\ud800"', '{"\\udc00":1}', '["\\ud83d\\ud83d"]', '"\ud800"'])('refuses the lone surrogate in %j (P3)', (text) => {
    expect(reasonOf(text)).toBe('lone_surrogate')
  })

  test('accepts surrogate pairs, written raw or escaped', () => {
    expect(parseStrictJson('["\\ud83d\\ude00","😀"]')).toEqual({ ok: true, value: ['😀', '😀'] })
  })

  test('refuses NUL in strings and keys unless it is allowed (P3)', () => {
    expect(reasonOf('"a\\u0000"')).toBe('nul')
    expect(reasonOf('{"\\u0000":1}')).toBe('nul')
    expect(reasonOf('"a\\u0000"', { allowNul: true })).toBe('ok')
  })

  test('bounds depth without exhausting the stack (P2)', () => {
    const nested = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth)
    expect(reasonOf(nested(MAX_JSON_DEPTH))).toBe('ok')
    expect(reasonOf(nested(MAX_JSON_DEPTH + 1))).toBe('too_deep')
    expect(reasonOf('{"a":'.repeat(1_000_000))).toBe('too_deep')
    expect(reasonOf(nested(JSON_DEPTH_CEILING), { maxDepth: 1_000_000 })).toBe('ok')
    expect(reasonOf(nested(100_000), { maxDepth: 1_000_000 })).toBe('too_deep')
    expect(parseLosslessJson(nested(100_000), { maxDepth: 1_000_000 })).toEqual({ ok: false, reason: 'too_deep' })
  })

  test('bounds the number of values (P2)', () => {
    expect(reasonOf(`[${'1,'.repeat(200_000)}1]`)).toBe('too_many_values')
    expect(reasonOf(`{${Array.from({ length: 200_000 }, (_, i) => `"k${i}":0`).join()}}`)).toBe('too_many_values')
    expect(reasonOf('[1,2,3]', { maxValues: 2 })).toBe('too_many_values')
    expect(reasonOf('[[],[],{}]', { maxValues: 4 })).toBe('too_many_values')
  })

  test('keeps __proto__ and its like as ordinary own keys (P7)', () => {
    const result = parseStrictJson('{"__proto__":{"polluted":true},"constructor":1}')
    expect(result.ok && Object.keys(result.value as object)).toEqual(['__proto__', 'constructor'])
    expect(({} as Record<string, unknown>).polluted).toBeUndefined()
  })

  test('answers clients with M_NOT_JSON or M_BAD_JSON', () => {
    expect(strictJsonError('not_json')).toMatchObject({ status: 400, errcode: 'M_NOT_JSON' })
    expect(strictJsonError('duplicate_key')).toMatchObject({ status: 400, errcode: 'M_BAD_JSON' })
  })

  test('agrees with JSON.parse on every value, however it is spaced', () => {
    fc.assert(
      fc.property(jsonValue, fc.constantFrom(undefined, 1, '\t'), (value, space) => {
        const text = JSON.stringify(value, null, space)
        const result = parseStrictJson(text, { allowNul: true })
        expect(result.ok).toBe(true)
        if (result.ok) deepStrictEqual(result.value, JSON.parse(text))
      }),
      { numRuns: propertyRuns(100) },
    )
  })

  test('never throws and never disagrees with JSON.parse on arbitrary text', () => {
    const fragments = fc.constantFrom(
      '{',
      '}',
      '[',
      ']',
      ':',
      ',',
      '"',
      '\\',
      'a',
      '"a"',
      '1',
      '-',
      '.',
      'e',
      '0',
      'true',
      'null',
      ' ',
      '\\u0000',
      '\ud800',
    )
    fc.assert(
      fc.property(
        fc.oneof(
          fc.array(fragments, { maxLength: 14 }).map((parts) => parts.join('')),
          fc.string({ unit: 'binary' }),
        ),
        (text) => {
          const results = [parseStrictJson(text), parseStrictJson(text, { numbers: 'any', allowNul: true }), parseLosslessJson(text)]
          // The oracle itself misreads escaped names at times (nodejs/node#63785).
          if (text.includes('\\')) return
          for (const result of results) if (result.ok) deepStrictEqual(result.value, JSON.parse(text))
        },
      ),
      { numRuns: propertyRuns(3_000) },
    )
  })
})

describe('lossless JSON', () => {
  test('keeps numbers as they were written in the canonical form, and says where they are', () => {
    const result = parseLosslessJson('{ "pdus": [ {"b": 1.0, "a": "\\u00e9"}, {"depth": 12} ], "z": {"x":[9223372036854775807]} }')
    expect(result.ok).toBe(true)
    if (!result.ok) return
    expect(result.canonical).toBe('{"pdus":[{"a":"é","b":1.0},{"depth":12}],"z":{"x":[9223372036854775807]}}')
    const { pdus, z } = result.value as { pdus: [object, object]; z: object }
    expect([pdus, pdus[0], z].every((part) => result.inexact.has(part as never))).toBe(true)
    expect(result.inexact.has(pdus[1] as never)).toBe(false)
  })

  test.each([
    ['{"a":1,"a":1}', 'duplicate_key'],
    ['"\\ud800"', 'lone_surrogate'],
    ['"\\u0000"', 'nul'],
    ['[1,]', 'not_json'],
    ['[1 2]', 'not_json'],
    ['{"a" 1}', 'not_json'],
    ['{1:1}', 'not_json'],
    ['1 1', 'not_json'],
    ['"abc', 'not_json'],
    ['', 'not_json'],
    ['['.repeat(100_000), 'too_deep'],
  ])('refuses %.20s as %s', (text, reason) => {
    expect(parseLosslessJson(text)).toEqual({ ok: false, reason })
  })

  test('bounds the number of values', () => {
    expect(parseLosslessJson('[1,2,3]', { maxValues: 3 })).toEqual({ ok: false, reason: 'too_many_values' })
  })

  test('gives the same value and canonical form as the fast way wherever that one accepts', () => {
    fc.assert(
      fc.property(jsonValue, (value) => {
        const result = parseLosslessJson(JSON.stringify(value, null, 1), { allowNul: true })
        expect(result.ok && result.canonical).toBe(canonicalJson(value))
        expect(result.ok && result.inexact.size).toBe(0)
        if (result.ok) deepStrictEqual(result.value, value)
      }),
      { numRuns: propertyRuns(100) },
    )
  })
})
