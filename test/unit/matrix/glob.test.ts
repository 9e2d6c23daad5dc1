import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { compileGlob, MAX_GLOB_CHARACTERS } from '../../../src/matrix/glob.ts'
import { propertyRuns } from '../../support/property-runs.ts'

/** The definition, as a regular expression: fine on short texts. */
function oracle(pattern: string, text: string, wholeWords: boolean): boolean {
  const body = Array.from(pattern, (c) => (c === '*' ? '[^]*' : c === '?' ? '[^]' : c.replace(/[\\^$.|+()[\]{}/]/g, '\\$&'))).join('')
  if (!wholeWords) return new RegExp(`^${body}$`, 'u').test(text)
  // A boundary is wherever there are not word characters on both sides.
  return new RegExp(`(?<!(?<=[A-Za-z0-9_])(?=[A-Za-z0-9_]))${body}(?!(?<=[A-Za-z0-9_])(?=[A-Za-z0-9_]))`, 'u').test(text)
}

const patterns = fc.string({ unit: fc.constantFrom('*', '?', 'a', 'b', '.', '-', ' ', '😀'), maxLength: 8 })
const texts = fc.string({ unit: fc.constantFrom('a', 'b', '.', '-', ' ', '_', '😀', '\n'), maxLength: 12 })

describe('globs (appendices#glob-style-matching)', () => {
  test.each([
    ['*', '', true],
    ['', '', true],
    ['', 'a', false],
    ['a*c', 'abbc', true],
    ['a*c', 'abbcd', false],
    ['a*a', 'a', false],
    ['?', '😀', true],
    ['?', '', false],
    ['m.room.*', 'm.room.member', true],
    ['m.room.*', 'mxroom.member', false],
    ['*.com', 'example.com', true],
    ['[a-z]', 'a', false],
    ['**a**', 'bab', true],
  ])('matches %j against %j: %s', (pattern, text, expected) => {
    expect(compileGlob(pattern)(text)).toBe(expected)
  })

  test('agree with their definition, for the whole text and for whole words', () => {
    fc.assert(
      fc.property(patterns, texts, fc.boolean(), (pattern, text, wholeWords) => {
        expect(compileGlob(pattern, { wholeWords })(text)).toBe(oracle(pattern, text, wholeWords))
      }),
      { numRuns: propertyRuns(3_000) },
    )
  })

  test('may leave case and wildcards out of account', () => {
    expect(compileGlob('ÄB*', { ignoreCase: true })('äbc')).toBe(true)
    expect(compileGlob('a?*', { wildcards: 'star' })('a?x')).toBe(true)
    expect(compileGlob('a?*', { wildcards: 'star' })('abx')).toBe(false)
    expect(compileGlob('a*?', { wildcards: 'none', wholeWords: true })('see a*? here')).toBe(true)
    expect(compileGlob('a*?', { wildcards: 'none', wholeWords: true })('see abc here')).toBe(false)
  })

  test('carry over from one 32-bit word of states to the next', () => {
    for (const length of [31, 32, 33, 63, 64, 65, MAX_GLOB_CHARACTERS - 1]) {
      const text = 'ab'.repeat(length).slice(0, length)
      expect(compileGlob(`?${text}*?*`)(`x${text}y`)).toBe(length < MAX_GLOB_CHARACTERS - 1)
      expect(compileGlob(`*?${text}`)(`xx${text}`)).toBe(true)
      expect(compileGlob(`*?${text}`)(`xx${text}c`)).toBe(false)
    }
  })

  test('over the limit match nothing', () => {
    const long = 'a'.repeat(MAX_GLOB_CHARACTERS)
    expect(compileGlob(`?${long}`)(`x${long}`)).toBe(false)
    expect(compileGlob(`${long}?*?`)(`${long}xx`)).toBe(false)
  })

  test('take time in proportion to the text, however many stars they have (P10)', () => {
    const hostile = 'a'.repeat(65_536)
    for (const pattern of ['*a'.repeat(500), '*a*'.repeat(200).concat('b'), '?*'.repeat(500).concat('b'), 'a'.repeat(500).concat('?b')]) {
      for (const wholeWords of [true, false]) {
        const started = process.cpuUsage().user
        compileGlob(pattern, { wholeWords })(hostile)
        expect(process.cpuUsage().user - started).toBeLessThan(500_000)
      }
    }
  })
})
