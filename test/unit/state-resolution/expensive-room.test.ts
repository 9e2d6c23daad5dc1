import { describe, expect, test } from 'vitest'
import {
  BATCH_EVENTS,
  MAX_PART_BYTES,
  PartReader,
  readCursor,
  resolveState,
  splitStateMapKey,
  startResolution,
  stepResolution,
} from '../../../src/state-resolution/index.ts'
import { type ExpensiveRoomSize, expensiveRoom, S2_ROOM } from '../../support/expensive-room.ts'
import { PROPERTY_TIMEOUT_MS } from '../../support/property-runs.ts'
import { rulesOf } from '../../support/room-builder.ts'

const SLICE_EVENTS = 500
/** What the batch that is being read when the budget runs out can add: its events, and up to ten auth events of each. */
const MAX_OVERRUN = BATCH_EVENTS * 11
/** In which steps of the algorithm the cursor is stored. */
const STORE_EVERY = 100

const TINY: ExpensiveRoomSize = { chain: 150, forks: 3, conflicted: 5 }
const MAX_TINY_SLICES = 2000

const SMALL: ExpensiveRoomSize = { chain: 600, forks: 12, conflicted: 40 }

describe.each(['11', '12'] as const)('S2: a room made to be expensive, version %s', (version) => {
  const rules = rulesOf(version)

  test('is resolved in slices of bounded reading, and its cursor is stored in parts that fit into rows', {
    timeout: PROPERTY_TIMEOUT_MS,
  }, () => {
    const { inputs, lookup } = expensiveRoom(S2_ROOM, version)
    let cursor = startResolution(inputs, rules)
    let largestPartBytes = 0
    let mostReads = 0
    for (let slice = 1; ; slice += 1) {
      const before = lookup.reads()
      const result = stepResolution(cursor, lookup, rules, { events: SLICE_EVENTS })
      mostReads = Math.max(mostReads, lookup.reads() - before)
      if (result.done) {
        expect(result.state.size).toBe(S2_ROOM.conflicted + 4)
        break
      }
      cursor = result.cursor
      if (slice % STORE_EVERY !== 0) continue
      const reader = new PartReader()
      for (const part of cursor.parts()) {
        largestPartBytes = Math.max(largestPartBytes, Buffer.byteLength(part.text))
        reader.add(part)
      }
      cursor = readCursor(reader.value()) ?? cursor
    }
    expect(mostReads).toBeLessThanOrEqual(SLICE_EVENTS + MAX_OVERRUN)
    expect(largestPartBytes).toBeGreaterThan(100_000)
    expect(largestPartBytes).toBeLessThanOrEqual(MAX_PART_BYTES)
  })

  test('moves on with every slice, even if it is stored after each and a slice is one event', () => {
    const { inputs, lookup } = expensiveRoom(TINY, version)
    let cursor = startResolution(inputs, rules)
    for (let slice = 0; ; slice += 1) {
      expect(slice).toBeLessThan(MAX_TINY_SLICES)
      const reader = new PartReader()
      for (const part of cursor.parts()) reader.add(part)
      const restored = readCursor(reader.value())
      if (restored === undefined) throw new Error('a cursor that cannot be read back')
      const result = stepResolution(restored, lookup, rules, { events: 1 })
      if (result.done) break
      cursor = result.cursor
    }
  })

  test('resolves to the newest power levels, and for each member to the event that rests on them', () => {
    const { inputs, lookup } = expensiveRoom(SMALL, version)
    const resolved = resolveState(inputs, lookup, rules)
    expect(resolved).toEqual(inputs[0])
    for (const [key, id] of resolved) {
      const [type, stateKey] = splitStateMapKey(key)
      expect(lookup.get(id)).toMatchObject({ type, stateKey })
    }
  })
})
