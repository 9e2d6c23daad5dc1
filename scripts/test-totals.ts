/**
 * `test-totals.ts <folder of reports> <failed steps>`: sums Vitest's JSON reports and ends with "N passed, N failed". A project without a
 * report, a file that could not be run and a step of CI that failed without failing a test each count as one failure.
 */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { PROJECTS } from './test.ts'

interface Totals {
  readonly passed: number
  readonly failed: number
}

function numberAt(report: object, name: string): number {
  const value: unknown = Object.entries(report).find(([key]) => key === name)?.[1]
  return typeof value === 'number' ? value : 0
}

function totalsOf(file: string): Totals {
  if (!existsSync(file)) return { passed: 0, failed: 1 }
  const report: unknown = JSON.parse(readFileSync(file, 'utf8'))
  if (typeof report !== 'object' || report === null) return { passed: 0, failed: 1 }
  const failedTests = numberAt(report, 'numFailedTests')
  const failedFiles = numberAt(report, 'numFailedTestSuites')
  return { passed: numberAt(report, 'numPassedTests'), failed: failedTests > 0 ? failedTests : failedFiles }
}

const [folder = '', failedSteps = '1'] = process.argv.slice(2)
const totals = PROJECTS.map((project) => totalsOf(join(folder, `${project}.json`)))
const passed = totals.reduce((sum, entry) => sum + entry.passed, 0)
const failedTests = totals.reduce((sum, entry) => sum + entry.failed, 0)
const failed = Math.max(failedTests, Number(failedSteps))
process.stdout.write(`${passed} passed, ${failed} failed\n`)
process.exit(failed > 0 ? 1 : 0)
