/**
 * `test-totals.ts <folder of reports> <failed steps>`: names what failed in Vitest's JSON reports, sums them and ends with "N passed, N failed".
 * A project without a report, a file that could not be run and a step of CI that failed without failing a test each count as one failure.
 */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { PROJECTS } from './test.ts'

/** Lines of a failure that are shown. */
const SHOWN_LINES = 12

interface Totals {
  readonly passed: number
  readonly failed: number
}

function property(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Object.entries(value).find(([key]) => key === name)?.[1] : undefined
}

function numberAt(report: unknown, name: string): number {
  const value = property(report, name)
  return typeof value === 'number' ? value : 0
}

function itemsOf(value: unknown, name: string): readonly unknown[] {
  const items = property(value, name)
  return Array.isArray(items) ? items : []
}

/** What failed in a report: each test and each file that could not be run, with the beginning of why. */
function failuresOf(project: string, report: unknown): string[] {
  return itemsOf(report, 'testResults').flatMap((file) => {
    const failed = itemsOf(file, 'assertionResults').filter((test) => property(test, 'status') === 'failed')
    const name = `${project}: ${String(property(file, 'name'))}`
    if (failed.length === 0)
      return property(file, 'status') === 'failed' ? [`${name}\n${beginning(String(property(file, 'message')))}`] : []
    return failed.map((test) => `${name}: ${String(property(test, 'fullName'))}\n${beginning(itemsOf(test, 'failureMessages').join('\n'))}`)
  })
}

function beginning(text: string): string {
  return text.split('\n', SHOWN_LINES).join('\n')
}

function totalsOf(project: string, file: string): Totals {
  if (!existsSync(file)) return { passed: 0, failed: 1 }
  const report: unknown = JSON.parse(readFileSync(file, 'utf8'))
  if (typeof report !== 'object' || report === null) return { passed: 0, failed: 1 }
  for (const failure of failuresOf(project, report)) process.stdout.write(`\nFAILED ${failure}\n`)
  const failedTests = numberAt(report, 'numFailedTests')
  const failedFiles = numberAt(report, 'numFailedTestSuites')
  return { passed: numberAt(report, 'numPassedTests'), failed: failedTests > 0 ? failedTests : failedFiles }
}

const [folder = '', failedSteps = '1'] = process.argv.slice(2)
const totals = PROJECTS.map((project) => totalsOf(project, join(folder, `${project}.json`)))
const passed = totals.reduce((sum, entry) => sum + entry.passed, 0)
const failedTests = totals.reduce((sum, entry) => sum + entry.failed, 0)
const failed = Math.max(failedTests, Number(failedSteps))
process.stdout.write(`${passed} passed, ${failed} failed\n`)
process.exit(failed > 0 ? 1 : 0)
