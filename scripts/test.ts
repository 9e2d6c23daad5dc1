/**
 * `npm test`: every test project, one after the other, because the workerd and end-to-end ones each want the machine for themselves.
 * `npm test -- unit|worker|presence|e2e …` runs one project and hands the rest to Vitest. With MYELIN_TEST_REPORTS each project also leaves
 * `<project>.json` in that folder.
 */
import { join } from 'node:path'
import { exitWith, runSteps } from './steps.ts'

/** Test projects in the order in which they run; each has a `vitest.<project>.config.ts`. */
export const PROJECTS = ['unit', 'worker', 'presence', 'e2e']
const args = process.argv.slice(2)
const chosen = args[0] !== undefined && PROJECTS.includes(args[0]) ? [args[0]] : PROJECTS
const rest = chosen.length === 1 ? args.slice(1) : args
const reports = process.env.MYELIN_TEST_REPORTS

function reportArgs(project: string): string[] {
  return reports === undefined ? [] : ['--reporter=default', '--reporter=json', `--outputFile.json=${join(reports, `${project}.json`)}`]
}

if (import.meta.main) {
  exitWith(
    runSteps(
      chosen.map((project) => ({
        name: `${project} tests`,
        command: 'vitest',
        args: ['run', '-c', `vitest.${project}.config.ts`, '--passWithNoTests', ...reportArgs(project), ...rest],
      })),
    ),
  )
}
