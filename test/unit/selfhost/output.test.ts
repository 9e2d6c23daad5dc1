import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { setOutputLevel, workerLogLine } from '../../../selfhost/output.ts'

const written: string[] = []
beforeEach(() => {
  written.length = 0
  for (const stream of [process.stdout, process.stderr]) {
    vi.spyOn(stream, 'write').mockImplementation((text) => {
      written.push(String(text).replace(/^\S+ /, ''))
      return true
    })
  }
})
afterEach(() => {
  vi.restoreAllMocks()
  setOutputLevel('info')
})

it("takes the level from the Worker's own log, and else from the console", () => {
  workerLogLine('log', 'info: one')
  workerLogLine('log', 'debug: two')
  workerLogLine('error', 'warn: three\nwith a second line')
  workerLogLine('log', 'four')
  workerLogLine('warn', 'five')
  expect(written).toEqual(['info: one\n', 'warn: three\nwith a second line\n', 'info: four\n', 'warn: five\n'])
})
