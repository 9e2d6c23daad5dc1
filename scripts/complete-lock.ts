/**
 * Completes package-lock.json after `npm install` against a registry that does not carry the binaries of every platform: npm then leaves
 * them out, and `npm ci` refuses the file everywhere. Which platform a binary is for is read from its name. Run it after changing
 * dependencies; it changes nothing when nothing is missing.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './generated-file.ts'

/** An entry of package-lock.json, as far as this script looks at it. */
interface LockEntry {
  version?: string
  dev?: boolean
  optional?: boolean
  os?: string[]
  cpu?: string[]
  libc?: string[]
  optionalDependencies?: Record<string, string>
}

/** The lock file, as far as this script looks at it. */
interface LockFile {
  packages: Record<string, LockEntry>
}

const SYSTEMS: Readonly<Record<string, string>> = { windows: 'win32', win32: 'win32' }
const SYSTEM = /(?:^|-)(aix|android|darwin|freebsd|linux|netbsd|openbsd|openharmony|sunos|win32|windows)(?:-|$)/
const PROCESSOR = /(?:^|-)(arm64|arm|ia32|loong64|mips64el|ppc64|riscv64|s390x|x64|64)(?:-|$)/

function platformOf(name: string): Pick<LockEntry, 'os' | 'cpu' | 'libc'> {
  const base = name.split('/').at(-1) ?? name
  const system = SYSTEM.exec(base)?.[1]
  const processor = PROCESSOR.exec(base)?.[1]
  if (system === undefined || processor === undefined) throw new Error(`${name}: its name does not tell its platform`)
  return {
    cpu: [processor === '64' ? 'x64' : processor],
    os: [SYSTEMS[system] ?? system],
    ...(system === 'linux' ? { libc: [/musl/.test(base) ? 'musl' : 'glibc'] } : {}),
  }
}

/** Optional dependencies that the lock file mentions and does not describe: name → what to add. */
export function missingEntries(lock: LockFile): Record<string, LockEntry> {
  const paths = Object.keys(lock.packages)
  const missing: Record<string, LockEntry> = {}
  for (const entry of Object.values(lock.packages)) {
    for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
      if (paths.some((path) => path.endsWith(`node_modules/${name}`))) continue
      missing[`node_modules/${name}`] = { version, ...platformOf(name), ...(entry.dev ? { dev: true } : {}), optional: true }
    }
  }
  return missing
}

/** Reads package-lock.json. */
export function readLock(): LockFile {
  return JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'))
}

if (import.meta.main) {
  const lock = readLock()
  const missing = missingEntries(lock)
  const packages = Object.fromEntries(Object.entries({ ...lock.packages, ...missing }).sort(([a], [b]) => (a < b ? -1 : 1)))
  writeFileSync(join(root, 'package-lock.json'), `${JSON.stringify({ ...lock, packages }, null, 2)}\n`)
  process.stdout.write(`added ${Object.keys(missing).length} entries\n`)
}
