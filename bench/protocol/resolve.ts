/**
 * Resolves the room of SECURITY-CHECKS S2 in slices: run with a heap of 64 MiB, it prints what that took as JSON. Between slices the
 * cursor is stored and read back, part by part, as by an object that may be evicted; each part counts as a slice.
 *
 *   node --max-old-space-size=52 --max-semi-space-size=4 bench/protocol/resolve.ts [version]
 */

import type { RoomVersionRules } from '../../src/matrix/room-versions/rules.ts'
import {
  PartReader,
  type ResolutionCursor,
  readCursor,
  type StateMap,
  type StoredPart,
  startResolution,
  stepResolution,
} from '../../src/state-resolution/index.ts'
import { type ExpensiveRoom, expensiveRoom, S2_ROOM } from '../../test/support/expensive-room.ts'
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
  /** Processor time of every piece of work between which others could run, ascending. */
  readonly slicesCpuMs: readonly number[]
  /** The longest of them on the clock, which also shows what else the machine does. */
  readonly longestWallMs: number
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
  readonly slicesCpuMs: number[] = []
  longestWallMs = 0
  cpuMs = 0

  slice<T>(work: () => T): T {
    const cpu = threadCpuMs()
    const wall = performance.now()
    const result = work()
    const took = threadCpuMs() - cpu
    this.longestWallMs = Math.max(this.longestWallMs, performance.now() - wall)
    this.cpuMs += took
    this.slicesCpuMs.push(took)
    return result
  }
}

/** A cursor stored and read back part by part, with what its parts were. */
class CursorStore {
  readonly timer = new Timer()
  parts = 0
  largestPartBytes = 0
  storedBytes = 0

  save(cursor: ResolutionCursor): StoredPart[] {
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
    return parts
  }

  restore(parts: StoredPart[]): ResolutionCursor {
    const reader = new PartReader()
    for (let part = parts.pop(); part !== undefined; part = parts.pop()) {
      const { name, text } = part
      this.timer.slice(() => reader.add({ name, text }))
    }
    const restored = this.timer.slice(() => readCursor(reader.value()))
    if (restored === undefined) throw new Error('a cursor that cannot be read back')
    return restored
  }
}

/** A resolution of which nothing is in memory twice: what is stored is let go before it is read back. */
class Resolving {
  readonly timer = new Timer()
  readonly store = new CursorStore()
  mostReads = 0
  #cursor: ResolutionCursor | undefined
  readonly #room: ExpensiveRoom
  readonly #rules: RoomVersionRules

  constructor(room: ExpensiveRoom, rules: RoomVersionRules) {
    this.#room = room
    this.#rules = rules
    this.#cursor = this.timer.slice(() => startResolution(room.inputs, rules))
  }

  step(): StateMap | undefined {
    const { lookup } = this.#room
    const before = lookup.reads()
    const cursor = this.#cursor
    if (cursor === undefined) throw new Error('nothing to go on with')
    const result = this.timer.slice(() => stepResolution(cursor, lookup, this.#rules, { events: SLICE_EVENTS }))
    this.mostReads = Math.max(this.mostReads, lookup.reads() - before)
    return result.done ? result.state : undefined
  }

  evict(): void {
    if (this.#cursor === undefined) return
    const parts = this.store.save(this.#cursor)
    this.#cursor = undefined
    this.#cursor = this.store.restore(parts)
  }
}

function run(version: '11' | '12'): ResolveReport {
  const begun = performance.now()
  const resolving = new Resolving(expensiveRoom(S2_ROOM, version), rulesOf(version))
  let heapMiB = 0
  for (let slices = 1; ; slices += 1) {
    const state = resolving.step()
    if (state !== undefined) return report(resolving, { slices, heapMiB, wallMs: performance.now() - begun, resolved: state.size })
    if (slices % STORE_EVERY !== 0) continue
    resolving.evict()
    heapMiB = Math.max(heapMiB, process.memoryUsage().heapUsed / 2 ** 20)
  }
}

type Totals = Pick<ResolveReport, 'slices' | 'heapMiB' | 'wallMs' | 'resolved'>

function report({ timer, store, mostReads }: Resolving, totals: Totals): ResolveReport {
  return {
    ...totals,
    cpuMs: timer.cpuMs,
    storingCpuMs: store.timer.cpuMs,
    slicesCpuMs: [...timer.slicesCpuMs, ...store.timer.slicesCpuMs].sort((left, right) => left - right),
    longestWallMs: Math.max(timer.longestWallMs, store.timer.longestWallMs),
    mostReads,
    parts: store.parts,
    largestPartBytes: store.largestPartBytes,
    storedBytes: store.storedBytes,
  }
}

process.stdout.write(`${JSON.stringify(run(process.argv[2] === '12' ? '12' : '11'))}\n`)
