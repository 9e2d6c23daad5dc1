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

it('does not alarm anybody about servers that are gone, but about everything else', () => {
  const stack = '\nstack: /bin/workerd@28a3c60; sentryErrorContext = jsgInternalError; wdErrId = u8e'
  workerLogLine('error', `e = rust/worker/ffi.rs:110: failed: failed to lookup address information: Name or service not known${stack}`)
  workerLogLine('error', `e = rust/cxx/kj-hyper/ffi.rs:270: failed: TLS handshake failed: invalid peer certificate${stack}`)
  workerLogLine(
    'error',
    'Socket proxy disconnected abruptly; e = rust/worker/ffi.rs:119: failed: connecting to 127.0.0.1:40409 is not allowed',
  )
  workerLogLine('warn', 'NOSENTRY startTls called with unsupported expectedServerHostname option')
  expect(written).toEqual([])
  workerLogLine('error', `e = rust/worker/ffi.rs:110: failed: something else${stack}`)
  expect(written).toHaveLength(1)
  setOutputLevel('debug')
  workerLogLine('error', `e = rust/worker/ffi.rs:110: failed: connecting to vm:443 is not allowed${stack}`)
  expect(written.at(-1)).toBe('debug: connection to another server: connecting to vm:443 is not allowed\n')
})
