import { expect, it } from 'vitest'
import { codeOf, lineAt, type SourceFile, sourceFiles } from './sources.ts'

/** Something that must not be written, and what to write instead. */
interface Ban {
  readonly pattern: RegExp
  readonly instead: string
}

const AMBIENT: readonly Ban[] = [
  { pattern: /\bDate\.now\b/g, instead: 'nowMs() of runtime/clock.ts' },
  { pattern: /\bnew Date\(\s*\)/g, instead: 'nowMs() of runtime/clock.ts' },
  { pattern: /\bperformance\.now\b/g, instead: 'nowMs() of runtime/clock.ts' },
  { pattern: /\bMath\.random\b/g, instead: 'randomFraction() of runtime/random.ts' },
  { pattern: /\bcrypto\.randomUUID\b/g, instead: 'randomString() of runtime/random.ts' },
  { pattern: /\bgetRandomValues\b/g, instead: 'randomBytes() of runtime/random.ts' },
  { pattern: /\bconsole\./g, instead: 'log of runtime/log.ts' },
  { pattern: /\bprocess\./g, instead: 'the configuration of runtime/config.ts' },
]
const ANY: readonly Ban[] = [{ pattern: /(?:[:<,|&(=]\s*|\bas\s+)any\b(?!\s*[:(])/g, instead: 'a type, or unknown' }]
const TYPES: readonly Ban[] = [
  { pattern: /\bas unknown as\b/g, instead: 'a check, or a type that is right' },
  { pattern: /^\s*(?:export\s+)?(?:const\s+)?enum\s/gm, instead: 'a union of literals' },
]

function findings(file: SourceFile, bans: readonly Ban[]): string[] {
  const code = codeOf(file.text)
  return bans.flatMap(({ pattern, instead }) =>
    Array.from(code.matchAll(pattern), (match) => `${file.path}:${lineAt(code, match.index)}: "${match[0].trim()}"; use ${instead}`),
  )
}

it('takes time, randomness, settings and the log only from src/runtime', () => {
  const files = sourceFiles('src').filter(({ path }) => !path.startsWith('src/runtime/'))
  expect(files.flatMap((file) => findings(file, AMBIENT))).toEqual([])
})

it('does not talk the type checker out of anything', () => {
  // In tests Biome asks for a reason instead.
  expect(sourceFiles('src', 'selfhost', 'scripts', 'bench').flatMap((file) => findings(file, ANY))).toEqual([])
  expect(sourceFiles('src', 'selfhost', 'scripts', 'test', 'bench').flatMap((file) => findings(file, TYPES))).toEqual([])
})

it('switches no check off by a comment without saying why', () => {
  const comment = /@ts-(?:ignore|nocheck)|@ts-expect-error(?!:? \w)|biome-ignore(?:-all|-start)? [\w/]+(?!.*: \w)|eslint-disable/g
  const problems = sourceFiles('src', 'selfhost', 'scripts', 'test', 'bench')
    .filter(({ path }) => path !== 'test/tidy/banned.test.ts')
    .flatMap((file) => Array.from(file.text.matchAll(comment), (match) => `${file.path}:${lineAt(file.text, match.index)}: ${match[0]}`))
  expect(problems).toEqual([])
})
