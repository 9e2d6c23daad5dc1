import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  BATCH_EVENTS,
  type EventLookup,
  type ResolutionCursor,
  readCursor,
  resolveState,
  type StateMap,
  startResolution,
  stepResolution,
} from '../../../src/state-resolution/index.ts'
import { readSynapseRooms, type SynapseRoom } from '../../support/synapse-rooms.ts'

/* Properties of resolution over the rooms that Synapse generated: real conflicts rather than arbitrary graphs. */

const NIGHTLY = process.env.NIGHTLY !== undefined
const RUNS = NIGHTLY ? 20_000 : 150

/** A resolution of a fixture, chosen by number. */
function pick(rooms: readonly SynapseRoom[], number: number): { inputs: readonly StateMap[]; lookup: EventLookup } {
  const all = rooms.flatMap(({ resolutions, lookup }) => resolutions.map(({ inputs }) => ({ inputs, lookup })))
  const chosen = all[number % all.length]
  if (chosen === undefined) throw new Error('no resolutions')
  return chosen
}

function sorted(state: StateMap): [string, string][] {
  return [...state].sort(([left], [right]) => (left < right ? -1 : 1))
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

describe.each(['1', '2', '6', '11', '12'])('resolution in room version %s', (version) => {
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

  test('gives the same in slices of any size, through stored cursors, as in one piece', () => {
    fc.assert(
      fc.property(fc.nat(), fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 }), fc.boolean(), (number, budgets, inBatches) => {
        const { inputs, lookup } = pick(rooms, number)
        const source = inBatches ? batched(lookup) : lookup
        let cursor: ResolutionCursor = startResolution(inputs, rules)
        for (let slice = 0; ; slice++) {
          const stored = JSON.stringify(cursor)
          const restored = readCursor(JSON.parse(stored))
          if (restored === undefined) throw new Error('a cursor that cannot be read back')
          const result = stepResolution(restored, source, rules, { events: budgets[slice % budgets.length] ?? 1 })
          expect(JSON.stringify(restored)).toBe(stored)
          if (result.done) {
            expect(sorted(result.state)).toEqual(sorted(resolveState(inputs, lookup, rules)))
            return
          }
          cursor = result.cursor
          expect(slice).toBeLessThan(10_000)
        }
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
  for (const json of [undefined, null, 5, [], {}, { format: 0 }, { format: 1 }]) expect(readCursor(json)).toBeUndefined()
})
