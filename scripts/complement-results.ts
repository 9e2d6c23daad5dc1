/**
 * Writes docs/conformance/complement.{json,md} from what Complement's tests put out:
 *
 *   node scripts/complement-results.ts --suite <commit of Complement> [--merge] <output of `go test -json`>…
 *
 * With `--merge`, tests that the outputs do not cover keep the results that they had.
 * docs/conformance/synapse-1.157.1.json is what another server passes; docs/conformance/reasons.json says why tests fail here.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { root } from './generated-file.ts'

type State = 'pass' | 'fail' | 'skip'
type Tests = Record<string, State>

/** Results of one server: package → test → state. */
interface Results {
  readonly server: string
  readonly suite?: string
  readonly packages: Record<string, Tests>
}

/** Why tests fail. A pattern is the name of a test, which stands for its subtests too, or ends in `*`. */
interface Reason {
  readonly reason: string
  readonly tests: readonly string[]
}

interface TestEvent {
  readonly Action?: string
  readonly Package?: string
  readonly Test?: string
}

const FOLDER = join(root, 'docs/conformance')
const MODULE = /^github\.com\/matrix-org\/complement\//

function readRun(files: readonly string[]): Record<string, Tests> {
  const packages: Record<string, Tests> = {}
  for (const file of files) {
    for (const line of readFileSync(file, 'utf8').split('\n')) {
      const event = parseEvent(line)
      if (event?.Test === undefined || event.Package === undefined) continue
      const name = event.Package.replace(MODULE, '')
      const tests = packages[name] ?? {}
      packages[name] = tests
      if (event.Action === 'pass' || event.Action === 'fail' || event.Action === 'skip') tests[event.Test] = event.Action
      // A test without an end has failed: its package panicked or ran out of time.
      else if (event.Action === 'run') tests[event.Test] ??= 'fail'
    }
  }
  return packages
}

function parseEvent(line: string): TestEvent | undefined {
  if (!line.startsWith('{')) return undefined
  try {
    return JSON.parse(line) as TestEvent
  } catch {
    return undefined
  }
}

function sorted<T>(entries: Record<string, T>): Record<string, T> {
  return Object.fromEntries(Object.entries(entries).sort(([a], [b]) => (a < b ? -1 : 1)))
}

const isTop = (test: string): boolean => !test.includes('/')

function count(tests: Tests | undefined, state: State, top: boolean): number {
  return Object.entries(tests ?? {}).filter(([test, found]) => found === state && isTop(test) === top).length
}

function matches(pattern: string, test: string): boolean {
  if (pattern.endsWith('*')) return test.startsWith(pattern.slice(0, -1))
  return test === pattern || test.startsWith(`${pattern}/`)
}

/** Failed tests without failed subtests: what is to be explained. */
function failures(tests: Tests): string[] {
  const failed = Object.keys(tests).filter((test) => tests[test] === 'fail')
  return failed.filter((test) => !failed.some((other) => other.startsWith(`${test}/`)))
}

function table(own: Results, reference: Results): string[] {
  const packages = [...new Set([...Object.keys(own.packages), ...Object.keys(reference.packages)])].sort()
  const row = (name: string, cells: readonly (string | number)[]): string => `| ${[name, ...cells].join(' | ')} |`
  const numbers = (tests: Tests | undefined): number[] =>
    [true, false].flatMap((top) => (['pass', 'fail', 'skip'] as const).map((state) => count(tests, state, top)))
  const shown = (values: readonly number[]): string[] => [values.slice(0, 3).join(' / '), values.slice(3).join(' / ')]
  const sum = (results: Results): number[] =>
    packages.map((name) => numbers(results.packages[name])).reduce((a, b) => a.map((value, index) => value + (b[index] ?? 0)))
  return [
    `| package | tests: passed / failed / skipped | subtests | ${reference.server}: tests | subtests |`,
    '| --- | --- | --- | --- | --- |',
    ...packages.map((name) => row(name, [...shown(numbers(own.packages[name])), ...shown(numbers(reference.packages[name]))])),
    row('**all**', [...shown(sum(own)), ...shown(sum(reference))]),
  ]
}

/** The page, and how many failures nothing explains. */
function page(own: Results, reference: Results, reasons: readonly Reason[]): { readonly text: string; readonly unexplained: number } {
  const failed = Object.entries(own.packages).flatMap(([name, tests]) =>
    failures(tests).map((test) => ({ name, test, elsewhere: reference.packages[name]?.[test] })),
  )
  const explained = reasons.map(({ reason, tests }) => ({
    reason,
    found: failed.filter(({ test }) => tests.some((pattern) => matches(pattern, test))),
  }))
  const all = new Set(explained.flatMap(({ found }) => found))
  const left = failed.filter((failure) => !all.has(failure))
  const list = (found: typeof failed): string[] =>
    found.map(
      ({ name, test, elsewhere }) =>
        `- ${name}: \`${test}\`${elsewhere === 'pass' ? '' : ` (${reference.server}: ${elsewhere ?? 'not run'})`}`,
    )
  const lost = failed.filter(({ elsewhere }) => elsewhere === 'pass').length
  const lines = [
    '# Complement',
    '',
    `Written by \`scripts/complement-results.ts\` from the output of [Complement](https://github.com/matrix-org/complement) (${own.suite ?? 'unknown commit'}) against`,
    '`complement/`, default room version 11. The results are in `complement.json`, what tests fail for in `reasons.json`.',
    '',
    ...table(own, reference),
    '',
    `${failed.length} tests or subtests without failing subtests of their own fail here, ${lost} of which pass with ${reference.server}.`,
    '',
    ...explained.filter(({ found }) => found.length > 0).flatMap(({ reason, found }) => [`## ${reason}`, '', ...list(found), '']),
    ...(left.length === 0 ? [] : ['## Not explained yet', '', ...list(left), '']),
  ]
  return { text: `${lines.join('\n').trimEnd()}\n`, unexplained: left.length }
}

/** Results of a package: those of a run, and earlier ones of tests that were not run, subtests with them. */
function merge(earlier: Tests | undefined, run: Tests): Tests {
  const topOf = (test: string): string => test.split('/', 1)[0] ?? test
  const covered = new Set(Object.keys(run).map(topOf))
  return { ...Object.fromEntries(Object.entries(earlier ?? {}).filter(([test]) => !covered.has(topOf(test)))), ...run }
}

const { values, positionals } = parseArgs({ allowPositionals: true, options: { suite: { type: 'string' }, merge: { type: 'boolean' } } })
const readJson = (name: string): unknown => JSON.parse(readFileSync(join(FOLDER, name), 'utf8'))
const reference = readJson('synapse-1.157.1.json') as Results
const reasons = readJson('reasons.json') as Reason[]
const kept = values.merge === true ? (readJson('complement.json') as Results).packages : {}
const packages = sorted({
  ...kept,
  ...Object.fromEntries(Object.entries(readRun(positionals)).map(([name, tests]) => [name, sorted(merge(kept[name], tests))])),
})
const own: Results = { server: 'Myelin', ...(values.suite === undefined ? {} : { suite: values.suite }), packages }
const { text, unexplained } = page(own, reference, reasons)
writeFileSync(join(FOLDER, 'complement.json'), `${JSON.stringify(own, null, 2)}\n`)
writeFileSync(join(FOLDER, 'complement.md'), text)
process.stdout.write(`${unexplained} failures are not explained in docs/conformance/reasons.json\n`)
