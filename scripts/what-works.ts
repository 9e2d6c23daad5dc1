/**
 * `what-works.ts <folder of reports>`: writes the section of README.md between its two markers from Vitest's JSON reports,
 * so that what the project says of itself is what its tests have shown. Refuses when a test failed.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import * as z from 'zod'
import { root } from './generated-file.ts'
import { PROJECTS } from './test.ts'

const reportSchema = z.object({
  testResults: z.array(
    z.object({
      name: z.string(),
      assertionResults: z.array(z.object({ fullName: z.string(), status: z.string() })),
    }),
  ),
})

/** Where a promise is proven, in the words of a reader. The first prefix that fits a test file names its row. */
const AREAS: readonly (readonly [prefix: string, area: string])[] = [
  ['test/unit/matrix', 'Protocol rules: JSON, events, hashes, signatures, IDs, filters, push rules'],
  ['test/unit/state-resolution', 'Authorization and state resolution, all room versions'],
  ['test/unit/durable', 'Feeds and tokens against a model'],
  ['test/unit/federation', 'Federation, pure parts'],
  ['test/unit/domain/oauth', 'OAuth: clients, redirect URIs, scopes, PKCE'],
  ['test/unit', 'HTTP layer, configuration, scripts'],
  ['test/tidy', 'Tidiness of the sources'],
  ['test/worker/api/rooms', 'Rooms through the HTTP API, in workerd'],
  ['test/worker/api/auth', 'Registration, login, tokens, in workerd'],
  ['test/worker/api/account', 'Account data, profile, devices, in workerd'],
  ['test/worker/api/keys', 'End-to-end encryption through the HTTP API, in workerd'],
  ['test/worker/api/media', 'Media: files, thumbnails, previews, other servers’ files, in workerd'],
  ['test/worker/api', 'Other endpoints, in workerd'],
  ['test/worker/durable/room', 'The room object: storage, visibility, events of other servers'],
  ['test/worker/durable/e2ee', 'To-device messages and keys over ends of objects'],
  ['test/worker/durable', 'Objects that end at any point'],
  ['test/worker/federation', 'Federation, in workerd'],
  ['test/worker/oauth', 'OAuth and the server’s own pages, in workerd'],
  ['test/worker', 'Registry and control routes'],
  ['test/e2e/clients', 'matrix-js-sdk against the self-hosted server'],
  ['test/e2e/encryption', 'matrix-js-sdk with its Rust crypto against the self-hosted server'],
  ['test/e2e/durability', 'SIGKILL and ended objects, self-hosted'],
  ['test/e2e/federation', 'Several servers over TLS'],
  ['test/e2e', 'Self-hosting: start, stop, TLS, data directory'],
]
/** Families of docs/security-checks in test names, e.g. `E7` or `A13`. */
const CHECK_ID = /\b([PESFDRAMO]\d{1,2})\b/g
const BEGIN = '<!-- what works: begin (npm run what-works) -->'
const END = '<!-- what works: end -->'

function readTests(folder: string): { readonly file: string; readonly name: string; readonly passed: boolean }[] {
  return PROJECTS.flatMap((project) => {
    const path = join(folder, `${project}.json`)
    if (!existsSync(path)) throw new Error(`there is no report of the ${project} tests in ${folder}`)
    const { testResults } = reportSchema.parse(JSON.parse(readFileSync(path, 'utf8')))
    return testResults.flatMap(({ name, assertionResults }) =>
      assertionResults
        .filter(({ status }) => status === 'passed' || status === 'failed')
        .map(({ fullName, status }) => ({ file: relative(root, name), name: fullName, passed: status === 'passed' })),
    )
  })
}

const tests = readTests(process.argv[2] ?? '')
const failed = tests.filter(({ passed }) => !passed)
if (failed.length > 0) throw new Error(`not written: ${failed.length} tests failed, the first is ${failed[0]?.name}`)
const counts = new Map<string, number>()
const checks = new Set<string>()
for (const { file, name } of tests) {
  const area = AREAS.find(([prefix]) => file.startsWith(prefix))?.[1] ?? 'Everything else'
  counts.set(area, (counts.get(area) ?? 0) + 1)
  for (const match of name.matchAll(CHECK_ID)) if (match[1] !== undefined) checks.add(match[1])
}
const order = [...AREAS.map(([, area]) => area), 'Everything else']
const rows = order.flatMap((area) => (counts.has(area) ? [`| ${area} | ${counts.get(area)} |`] : []))
const byFamily = [...checks].sort(
  (left, right) => left.charCodeAt(0) - right.charCodeAt(0) || Number(left.slice(1)) - Number(right.slice(1)),
)
const section = [
  '| What is promised and tested | tests that pass |',
  '| --- | ---: |',
  ...rows,
  '',
  `Checks of the security study named by passing tests: ${byFamily.join(', ')}.`,
].join('\n')
const readme = readFileSync(join(root, 'README.md'), 'utf8')
const [before, rest] = readme.split(BEGIN)
const after = rest?.split(END)[1]
if (before === undefined || after === undefined) throw new Error('README.md has lost its markers')
writeFileSync(join(root, 'README.md'), `${before}${BEGIN}\n${section}\n${END}${after}`)
process.stdout.write(`${tests.length} tests\n`)
