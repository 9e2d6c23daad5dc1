import { spawnSync } from 'node:child_process'
import { root } from './generated-file.ts'

/** A command of the project: a name to report it by, and what to run from node_modules/.bin. */
export interface Step {
  readonly name: string
  readonly command: string
  readonly args: readonly string[]
}

/** Runs every step, also after one has failed, and answers the names of those that failed. */
export function runSteps(steps: readonly Step[]): string[] {
  return steps
    .filter(({ name, command, args }) => {
      const startedMs = performance.now()
      process.stdout.write(`\n── ${name}\n`)
      const { status, error } = spawnSync(command, args, { cwd: root, stdio: 'inherit' })
      if (error !== undefined) process.stderr.write(`${error.message}\n`)
      const seconds = ((performance.now() - startedMs) / 1000).toFixed(1)
      process.stdout.write(`── ${name}: ${status === 0 ? 'ok' : 'FAILED'} (${seconds} s)\n`)
      return status !== 0
    })
    .map(({ name }) => name)
}

/** Ends the program with what {@link runSteps} answered. */
export function exitWith(failed: readonly string[]): never {
  if (failed.length > 0) process.stderr.write(`\nfailed: ${failed.join(', ')}\n`)
  process.exit(failed.length > 0 ? 1 : 0)
}
