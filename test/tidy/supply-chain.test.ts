import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import manifest from '../../package.json' with { type: 'json' }
import { root, sourceFiles } from './sources.ts'

/** An entry of package-lock.json, as far as this looks at it. */
interface Locked {
  readonly version?: string
  readonly resolved?: string
  readonly integrity?: string
  readonly license?: string
  readonly dev?: boolean
  readonly optional?: boolean
  readonly os?: readonly string[]
}

/** What is used and shipped may be under these. LGPL: the image library that Miniflare brings as a program of its own. */
const LICENCES =
  /^(?:MIT|Apache-2\.0|ISC|0BSD|CC0-1\.0|Unlicense|BSD-[23]-Clause|LGPL-3\.0-or-later)(?: (?:AND|OR) (?:MIT|Apache-2\.0|LGPL-3\.0-or-later))*$/
/** Everything that the server itself depends on; each has been weighed (docs/decisions). */
const MAX_DEPENDENCIES = 12

const lock: { readonly packages: Readonly<Record<string, Locked>> } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'))
const packages = Object.entries(lock.packages).filter(([path]) => path !== '')

describe('O15: what this server is made of', () => {
  it('is named exactly, and few: every version is one version', () => {
    const wanted = { ...manifest.dependencies, ...manifest.devDependencies }
    expect(Object.entries(wanted).filter(([, version]) => !/^\d+\.\d+\.\d+(?:-[\w.]+)?$/.test(version))).toEqual([])
    expect(Object.keys(manifest.dependencies).length).toBeLessThanOrEqual(MAX_DEPENDENCIES)
    expect(packages.filter(([, { version }]) => version === undefined).map(([path]) => path)).toEqual([])
  })

  it('comes from the registry with its checksum, and under a licence that fits', () => {
    // Binaries for other systems than the one that wrote the lock file are named only, so that "npm ci" works there.
    const unchecked = packages.filter(
      ([, { integrity, optional, os }]) => integrity === undefined && !(optional === true && os !== undefined),
    )
    expect(unchecked.map(([path]) => path)).toEqual([])
    const elsewhere = packages.filter(([, { resolved }]) => resolved !== undefined && !resolved.startsWith('https://registry.npmjs.org/'))
    expect(elsewhere.map(([path]) => path)).toEqual([])
    const shipped = packages.filter(([, { dev, integrity }]) => dev !== true && integrity !== undefined)
    expect(shipped.filter(([, { license }]) => !LICENCES.test(license ?? '')).map(([path, { license }]) => `${path}: ${license}`)).toEqual(
      [],
    )
  })

  it('fetches no code when it runs, and shows no page that does', () => {
    const fetched =
      /\bimport\(\s*['"`]https?:|from\s+['"]https?:|<script[^>]*\bsrc=["'{`]*https?:|<link[^>]*\bhref=["'{`]*https?:|\beval\(|new Function\(/
    const texts = [...sourceFiles('src', 'selfhost')].filter(({ path }) => !path.endsWith('.generated.ts'))
    expect(texts.filter(({ text }) => fetched.test(text)).map(({ path }) => path)).toEqual([])
  })

  it('checks signatures by native code, which tests compare with code of somebody else', () => {
    const users = sourceFiles('src/matrix', 'src/state-resolution').filter(({ text }) =>
      /from ['"](?:node:crypto|tweetnacl)['"]/.test(text),
    )
    expect(users.map(({ path }) => path)).toEqual(['src/matrix/crypto.ts'])
    const oracle = sourceFiles('test/unit/matrix').filter(({ text }) => /from ['"]tweetnacl['"]/.test(text))
    expect(oracle.map(({ path }) => path)).toContain('test/unit/matrix/signing.test.ts')
  })

  it('is built by nobody whose steps are not pinned', () => {
    const folder = join(root, '.github/workflows')
    const workflows = existsSync(folder) ? readdirSync(folder).map((name) => readFileSync(join(folder, name), 'utf8')) : []
    const steps = workflows.flatMap((text) => Array.from(text.matchAll(/^\s*-?\s*uses:\s*(\S+)/gm), ([, step = '']) => step))
    expect(steps.filter((step) => !step.startsWith('./') && !/@[0-9a-f]{40}$/.test(step))).toEqual([])
  })
})
