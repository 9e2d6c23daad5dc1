import { expect, it } from 'vitest'
import exceptions from './size-exceptions.json' with { type: 'json' }
import { type SourceFile, sourceFiles } from './sources.ts'

/** No file is longer than this, excepted or not. */
const NEVER_ABOVE = 400
/** Lines that a file may have. The first pattern that fits counts. */
const LIMITS: readonly (readonly [pattern: RegExp, lines: number])[] = [
  [/\.generated\.ts$/, Number.POSITIVE_INFINITY],
  [/^src\/(?:index|app)\.ts$/, 80],
  [/^src\/api\/(?!index)/, 120],
  [/^src\/durable\/(\w[\w-]*)\/\1\.ts$/, 200],
  [/^src\//, 250],
  [/^(?:selfhost|scripts)\//, 250],
  [/^(?:test|bench)\//, 400],
]
/** Path → lines that it has too many of today. Entries may shrink and go; new ones need a good reason. */
const allowed: Readonly<Record<string, number>> = exceptions

const files = sourceFiles('src', 'selfhost', 'scripts', 'test', 'bench')
const linesOf = (file: SourceFile): number => file.text.trimEnd().split('\n').length
const limitOf = (file: SourceFile): number => LIMITS.find(([pattern]) => pattern.test(file.path))?.[1] ?? 0

it('keeps files small enough to be read at once', () => {
  const tooLong = files
    .filter((file) => linesOf(file) > Math.max(limitOf(file), allowed[file.path] ?? 0))
    .map((file) => `${file.path}: ${linesOf(file)} lines, allowed are ${Math.max(limitOf(file), allowed[file.path] ?? 0)}`)
  expect(tooLong).toEqual([])
})

it(`makes no exception above ${NEVER_ABOVE} lines`, () => {
  expect(Object.entries(allowed).filter(([, lines]) => lines > NEVER_ABOVE)).toEqual([])
})

it('forgets exceptions that are no longer needed, and lowers those that could be lower', () => {
  const stale = Object.entries(allowed).filter(([path, lines]) => {
    const file = files.find((candidate) => candidate.path === path)
    return file === undefined || linesOf(file) <= limitOf(file) || linesOf(file) < lines
  })
  expect(stale.map(([path, lines]) => `${path}: ${lines}`)).toEqual([])
})
