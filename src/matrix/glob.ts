/*
 * Glob-style matching (appendices#glob-style-matching): `*` stands for any sequence of characters, `?` for exactly one.
 * A pattern is compiled to bit masks over its characters and matched by one pass over the text (the Shift-And algorithm), so that time is
 * proportional to text length times pattern length / 32 whatever the pattern; there is no backtracking to provoke.
 */

/**
 * Most characters of a pattern, not counting `*`. Longer patterns match nothing: they cannot fit identifiers (255 bytes), and in
 * message bodies the bound keeps one match of 64 KiB in the order of a millisecond.
 */
export const MAX_GLOB_CHARACTERS = 512

/** How a pattern is read and applied. */
export interface GlobOptions {
  /** Compare lower-cased text. */
  readonly ignoreCase?: boolean
  /** Which wildcards the pattern has (default: both); without any it is compared as it stands. */
  readonly wildcards?: 'star-and-question-mark' | 'star' | 'none'
  /** Match any substring that starts and ends at a word boundary, instead of the whole text (client-server-api#push-rules). */
  readonly wholeWords?: boolean
}

/** A compiled pattern. */
export type GlobMatcher = (text: string) => boolean

/** Compiles a glob pattern. Never throws; patterns over {@link MAX_GLOB_CHARACTERS} give a matcher that answers `false`. */
export function compileGlob(pattern: string, options: GlobOptions = {}): GlobMatcher {
  const { ignoreCase = false, wildcards = 'star-and-question-mark', wholeWords = false } = options
  const source = ignoreCase ? pattern.toLowerCase() : pattern
  const match = compileFolded(source, wildcards, wholeWords)
  return ignoreCase ? (text) => match(text.toLowerCase()) : match
}

type Wildcards = NonNullable<GlobOptions['wildcards']>

function compileFolded(source: string, wildcards: Wildcards, wholeWords: boolean): GlobMatcher {
  const pieces = wildcards === 'none' ? [source] : source.split(wildcards === 'star' ? '*' : /[*?]/)
  const firstWildcard = pieces[0]?.length ?? 0
  if (!wholeWords && pieces.length === 1) return (text) => text === source
  if (!wholeWords && pieces.length === 2 && source[firstWildcard] === '*') return compileOneStar(pieces[0] ?? '', pieces[1] ?? '')
  const tables = compileTables(source, wildcards)
  if (tables === undefined) return () => false
  // Most texts lack the pattern's longest literal piece, and the native search says so much faster.
  const needle = pieces.reduce((longest, piece) => (piece.length > longest.length ? piece : longest))
  return (text) => text.includes(needle) && runTables(tables, text, wholeWords)
}

function compileOneStar(prefix: string, suffix: string): GlobMatcher {
  const shortest = prefix.length + suffix.length
  return (text) => text.length >= shortest && text.startsWith(prefix) && text.endsWith(suffix)
}

/** Bit k of a word set stands for "the first k characters of the pattern have matched". */
interface GlobTables {
  /** Number of characters in the pattern. */
  readonly length: number
  /** 32-bit words per set. */
  readonly words: number
  /** States with a `*` behind them: they stay whatever character comes. */
  readonly loops: Uint32Array
  /** By code point: states reached when the character is read. */
  readonly reached: ReadonlyMap<number, Uint32Array>
  /** States reached by any other character. */
  readonly reachedByAny: Uint32Array
}

const QUESTION_MARK = 0x3f
const STAR = 0x2a
const NO_WILDCARD = -1

function compileTables(source: string, wildcards: Wildcards): GlobTables | undefined {
  const points = Array.from(source, (character) => character.codePointAt(0) ?? 0)
  const star = wildcards === 'none' ? NO_WILDCARD : STAR
  const questionMark = wildcards === 'star-and-question-mark' ? QUESTION_MARK : NO_WILDCARD
  const length = points.filter((point) => point !== star).length
  if (length > MAX_GLOB_CHARACTERS) return undefined
  const words = (length >> 5) + 1
  const loops = new Uint32Array(words)
  const reachedByAny = new Uint32Array(words)
  const reached = new Map<number, Uint32Array>()
  let state = 0
  for (const point of points) {
    if (point === star) {
      setBit(loops, state)
      continue
    }
    state++
    if (point === questionMark) {
      setBit(reachedByAny, state)
    } else {
      const set = reached.get(point) ?? new Uint32Array(words)
      setBit(set, state)
      reached.set(point, set)
    }
  }
  for (const set of reached.values()) for (let word = 0; word < words; word++) set[word] = at(set, word) | at(reachedByAny, word)
  return { length, words, loops, reached, reachedByAny }
}

function runTables(tables: GlobTables, text: string, wholeWords: boolean): boolean {
  const { length, words, loops, reached, reachedByAny } = tables
  const active = new Uint32Array(words)
  active[0] = 1
  let afterWordCharacter = false
  for (const character of text) {
    const point = character.codePointAt(0) ?? 0
    if (wholeWords) {
      const inWord = isWordCharacter(point)
      if (!(afterWordCharacter && inWord)) {
        // A word boundary: a match may start here, and one that ends here is whole.
        active[0] = at(active, 0) | 1
        if (hasBit(active, length)) return true
      }
      afterWordCharacter = inWord
    }
    step(active, loops, reached.get(point) ?? reachedByAny, words)
  }
  return hasBit(active, length) || (wholeWords && length === 0)
}

function step(active: Uint32Array, loops: Uint32Array, reached: Uint32Array, words: number): void {
  let carry = 0
  for (let word = 0; word < words; word++) {
    const before = at(active, word)
    active[word] = (((before << 1) | carry) & at(reached, word)) | (before & at(loops, word))
    carry = before >>> 31
  }
}

function isWordCharacter(point: number): boolean {
  return (point >= 0x30 && point <= 0x39) || (point >= 0x41 && point <= 0x5a) || (point >= 0x61 && point <= 0x7a) || point === 0x5f
}

function setBit(set: Uint32Array, bit: number): void {
  set[bit >> 5] = at(set, bit >> 5) | (1 << (bit & 31))
}

function hasBit(set: Uint32Array, bit: number): boolean {
  return (at(set, bit >> 5) & (1 << (bit & 31))) !== 0
}

function at(set: Uint32Array, index: number): number {
  return set[index] ?? 0
}
