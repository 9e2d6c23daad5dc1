/**
 * Resolves the room of SECURITY-CHECKS S2 in slices: run with a heap of 64 MiB, it prints what that took as JSON. Between slices the
 * cursor is stored and read back, part by part, as by an object that may be evicted; each part counts as a slice.
 *
 *   node --max-old-space-size=52 --max-semi-space-size=4 bench/protocol/resolve.ts [version]
 */

import {
  PartReader,
  type ResolutionCursor,
  readCursor,
  type StoredPart,
  startResolution,
  stepResolution,
} from '../../src/state-resolution/index.ts'
import { expensiveRoom, S2_ROOM } from '../../test/support/expensive-room.ts'
import { rulesOf } from '../../test/support/room-builder.ts'
import { threadCpuMs } from './thread-cpu.ts'

/** Events a slice. */
const SLICE_EVENTS = 500
/** The cursor is stored once in so many slices. */
const STORE_EVERY = 100

/** What a run took. */
export interface ResolveReport {
  /** Processor time of the resolution itself, and of storing and reading back the cursor. */
  readonly cpuMs: number
  readonly storingCpuMs: number
  readonly wallMs: number
  readonly slices: number
  /** Times on the clock of all pieces of work between which others could run, ascending. */
  readonly slicesMs: readonly number[]
  readonly longestCpuMs: number
  /** Most events read in one slice. */
  readonly mostReads: number
  readonly parts: number
  readonly largestPartBytes: number
  readonly storedBytes: number
  readonly heapMiB: number
  readonly resolved: number
}

/** Times pieces of work between which others could run. */
class Timer {
  readonly slicesMs: number[] = []
  longestCpuMs = 0
  cpuMs = 0

  slice<T>(work: () => T): T {
    const cpu = threadCpuMs()
    const wall = performance.now()
    const result = work()
    const took = threadCpuMs() - cpu
    this.slicesMs.push(performance.now() - wall)
    this.cpuMs += took
    this.longestCpuMs = Math.max(this.longestCpuMs, took)
    return result
  }
}

/** A cursor stored and read back part by part, with what its parts were. */
class CursorStore {
  readonly timer = new Timer()
  parts = 0
  largestPartBytes = 0
  storedBytes = 0

  pass(cursor: ResolutionCursor): ResolutionCursor {
    const stored = cursor.parts()
    const parts: StoredPart[] = []
    for (;;) {
      const { value, done } = this.timer.slice(() => stored.next())
      if (done || value === undefined) break
      parts.push(value)
    }
    const sizes = parts.map(({ text }) => Buffer.byteLength(text))
    this.parts = Math.max(this.parts, parts.length)
    this.largestPartBytes = Math.max(this.largestPartBytes, ...sizes)
    this.storedBytes = Math.max(
      this.storedBytes,
      sizes.reduce((sum, size) => sum + size, 0),
    )
    const reader = new PartReader()
    for (const part of parts) this.timer.slice(() => reader.add(part))
    const restored = this.timer.slice(() => readCursor(reader.value()))
    if (restored === undefined) throw new Error('a cursor that cannot be read back')
    return restored
  }
}

function run(version: '11' | '12'): ResolveReport {
  const rules = rulesOf(version)
  const { inputs, lookup } = expensiveRoom(S2_ROOM, version)
  const begun = performance.now()
  const timer = new Timer()
  const store = new CursorStore()
  let cursor = timer.slice(() => startResolution(inputs, rules))
  let [heapMiB, mostReads] = [0, 0]
  for (let slices = 1; ; slices += 1) {
    const before = lookup.reads()
    const result = timer.slice(() => stepResolution(cursor, lookup, rules, { events: SLICE_EVENTS }))
    mostReads = Math.max(mostReads, lookup.reads() - before)
    if (result.done) {
      return {
        cpuMs: timer.cpuMs,
        storingCpuMs: store.timer.cpuMs,
        wallMs: performance.now() - begun,
        slices,
        slicesMs: [...timer.slicesMs, ...store.timer.slicesMs].sort((left, right) => left - right),
        longestCpuMs: Math.max(timer.longestCpuMs, store.timer.longestCpuMs),
        mostReads,
        parts: store.parts,
        largestPartBytes: store.largestPartBytes,
        storedBytes: store.storedBytes,
        heapMiB,
        resolved: result.state.size,
      }
    }
    cursor = slices % STORE_EVERY === 0 ? store.pass(result.cursor) : result.cursor
    if (slices % STORE_EVERY === 0) heapMiB = Math.max(heapMiB, process.memoryUsage().heapUsed / 2 ** 20)
  }
}

process.stdout.write(`${JSON.stringify(run(process.argv[2] === '12' ? '12' : '11'))}\n`)
