import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  BATCH_EVENTS,
  type EventLookup,
  PartReader,
  type ResolutionCursor,
  readCursor,
  resolveState,
  type StateMap,
  startResolution,
  stepResolution,
} from '../../../src/state-resolution/index.ts'
import { PROPERTY_TIMEOUT_MS, propertyRuns } from '../../support/property-runs.ts'
import { rulesOf } from '../../support/room-builder.ts'
import { readSynapseRooms, type SynapseRoom } from '../../support/synapse-rooms.ts'

/* Properties of resolution over the rooms that Synapse generated: real conflicts rather than arbitrary graphs. */

/** More than any of the fixtures needs in slices of one event. */
const MAX_SLICES = 10_000
const VERSIONS = ['1', '2', '6', '11', '12']
const RUNS = propertyRuns(150, VERSIONS.length)

/** A resolution of a fixture, chosen by number. */
function pick(rooms: readonly SynapseRoom[], number: number): { inputs: readonly StateMap[]; lookup: EventLookup } {
  const all = rooms.flatMap(({ resolutions }) => resolutions)
  const chosen = all[number % all.length]
  if (chosen === undefined) throw new Error('no resolutions')
  return chosen
}

function sorted(state: StateMap): [string, string][] {
  return [...state].sort(([left], [right]) => (left < right ? -1 : 1))
}

/** What a cursor is after it was stored, in one text or in parts. */
function restored(cursor: ResolutionCursor, inParts: boolean): ResolutionCursor {
  const reader = new PartReader()
  if (inParts) for (const part of cursor.parts()) reader.add(part)
  const read = readCursor(inParts ? reader.value() : JSON.parse(JSON.stringify(cursor)))
  if (read === undefined) throw new Error('a cursor that cannot be read back')
  return read
}

/** The same events, answered in batches only, and never more than promised at once. */
function batched(lookup: EventLookup): EventLookup {
  return {
    get: lookup.get,
    isRejected: lookup.isRejected,
    getMany: (ids) => {
      expect(ids.length).toBeLessThanOrEqual(BATCH_EVENTS)
      return new Map(ids.flatMap((id) => [lookup.get(id) ?? []].flat().map((event) => [id, event] as const)))
    },
    getAuthEventIds: (ids) => {
      expect(ids.length).toBeLessThanOrEqual(BATCH_EVENTS)
      return new Map(ids.flatMap((id) => [lookup.get(id) ?? []].flat().map((event) => [id, event.authEvents] as const)))
    },
  }
}

describe.each(VERSIONS)('resolution in room version %s', { timeout: PROPERTY_TIMEOUT_MS }, (version) => {
  const { rules, rooms } = readSynapseRooms(new URL(`../../vectors/state-res/synapse/v${version}.json.gz`, import.meta.url))

  test('does not depend on the order of the states, nor on repetitions', () => {
    fc.assert(
      fc.property(fc.nat(), fc.infiniteStream(fc.nat()), fc.nat({ max: 3 }), (number, order, repetitions) => {
        const { inputs, lookup } = pick(rooms, number)
        const repeated = [...inputs, ...inputs.slice(0, repetitions)]
        const keys = new Map(repeated.map((_, place) => [place, order.next().value ?? 0]))
        const shuffled = repeated
          .map((state, place) => ({ state, key: keys.get(place) ?? 0 }))
          .sort((left, right) => left.key - right.key)
          .map(({ state }) => new Map([...state].reverse()))
        expect(sorted(resolveState(shuffled, lookup, rules))).toEqual(sorted(resolveState(inputs, lookup, rules)))
      }),
      { numRuns: RUNS },
    )
  })

  test('gives the same in slices of any size, stored and read back or not, as in one piece', () => {
    const slices = fc.array(fc.record({ events: fc.integer({ min: 1, max: 40 }), stored: fc.boolean() }), { minLength: 1 })
    fc.assert(
      fc.property(fc.nat(), slices, fc.boolean(), fc.boolean(), (number, plan, inBatches, inParts) => {
        const { inputs, lookup } = pick(rooms, number)
        const source = inBatches ? batched(lookup) : lookup
        let cursor = startResolution(inputs, rules)
        for (let slice = 0; ; slice++) {
          expect(slice).toBeLessThan(MAX_SLICES)
          const { events = 1, stored = false } = plan[slice % plan.length] ?? {}
          if (stored) cursor = restored(cursor, inParts)
          const result = stepResolution(cursor, source, rules, { events })
          if (!result.done) continue
          expect(sorted(result.state)).toEqual(sorted(resolveState(inputs, lookup, rules)))
          return
        }
      }),
      { numRuns: RUNS },
    )
  })

  test('resumes a stored cursor any number of times with the same result', () => {
    fc.assert(
      fc.property(fc.nat(), fc.integer({ min: 1, max: 200 }), (number, events) => {
        const { inputs, lookup } = pick(rooms, number)
        const cursor = startResolution(inputs, rules)
        if (stepResolution(cursor, lookup, rules, { events }).done) return
        const text = JSON.stringify(cursor)
        const results = [cursor, readCursor(JSON.parse(text)), readCursor(JSON.parse(text))].map(
          (resumed) => resumed && stepResolution(resumed, lookup, rules, { events: Number.POSITIVE_INFINITY }),
        )
        for (const result of results) expect(result?.done && sorted(result.state)).toEqual(sorted(resolveState(inputs, lookup, rules)))
      }),
      { numRuns: RUNS },
    )
  })

  test('keeps what the states agree on, and takes everything else from one of them or from what authorizes it', () => {
    fc.assert(
      fc.property(fc.nat(), (number) => {
        const { inputs, lookup } = pick(rooms, number)
        const resolved = resolveState(inputs, lookup, rules)
        for (const [key, id] of inputs[0] ?? []) {
          if (inputs.every((state) => state.get(key) === id)) expect(resolved.get(key)).toBe(id)
        }
        for (const [key, id] of resolved) {
          const event = lookup.get(id)
          expect(`${event?.type}\u0000${event?.stateKey}`).toBe(key)
        }
      }),
      { numRuns: RUNS },
    )
  })
})

test('a cursor of another form is not read', () => {
  for (const json of [undefined, null, 5, [], {}, { format: 0 }, { format: 2 }]) expect(readCursor(json)).toBeUndefined()
})

describe('a resolution whose look-up fails', () => {
  const { rules, rooms } = readSynapseRooms(new URL('../../vectors/state-res/synapse/v11.json.gz', import.meta.url))

  test('is neither resumed nor stored as if nothing had happened', () => {
    const { inputs, lookup } = pick(rooms, 0)
    let answers = 5
    const failing: EventLookup = {
      ...lookup,
      get: (id) => {
        answers -= 1
        if (answers < 0) throw new Error('the disk is gone')
        return lookup.get(id)
      },
    }
    const cursor = startResolution(inputs, rules)
    expect(() => stepResolution(cursor, failing, rules, { events: 1000 })).toThrow('the disk is gone')
    expect(() => stepResolution(cursor, lookup, rules, { events: 1000 })).toThrow('interrupted')
    expect(() => JSON.stringify(cursor)).toThrow('interrupted')
  })

  test('does not go on under other rules', () => {
    const { inputs, lookup } = pick(rooms, 0)
    expect(() => stepResolution(startResolution(inputs, rules), lookup, rulesOf('10'), { events: 1 })).toThrow('rules')
  })
})
