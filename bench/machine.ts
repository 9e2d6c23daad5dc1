import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { cpus } from 'node:os'
import { join } from 'node:path'
import type { Report } from './report.ts'

/** The project's folder. */
export const projectRoot = join(import.meta.dirname, '..')

/** The commit that is measured, with `+` when files of the server differ from it. */
export function describeCommit(): string {
  const git = (...args: string[]): string => execFileSync('git', args, { cwd: projectRoot, encoding: 'utf8' }).trim()
  try {
    const changed = git('status', '--porcelain', '--', 'src', 'selfhost', 'migrations')
    return git('rev-parse', '--short', 'HEAD') + (changed === '' ? '' : '+')
  } catch {
    return 'unknown'
  }
}

/** What the numbers were measured on. */
export function describeMachine(): Report['machine'] {
  const require = createRequire(createRequire(import.meta.url).resolve('miniflare'))
  const manifest = JSON.parse(readFileSync(require.resolve('workerd/package.json'), 'utf8')) as { version: string }
  const processors = cpus()
  return {
    cpus: processors.length,
    cpu: processors[0]?.model.trim() ?? 'unknown',
    node: process.versions.node,
    workerd: manifest.version,
  }
}
