import { readdirSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { checkAgainstAuthEvents } from '../../../src/state-resolution/auth/check-auth.ts'
import { resolveState, type StateMap, splitStateMapKey } from '../../../src/state-resolution/index.ts'
import { readSynapseRooms } from '../../support/synapse-rooms.ts'

/*
 * The same rooms as Synapse sees them: event IDs, verdicts, and resolved states (test/vectors/state-res/synapse, written by
 * scripts/vectors/synapse-state-res.py).
 */

const FOLDER = process.env.SYNAPSE_ROOMS
  ? new URL(`file://${process.env.SYNAPSE_ROOMS}/`)
  : new URL('../../vectors/state-res/synapse/', import.meta.url)

const MIN_SCENARIOS = 500

/** A state in a form whose differences can be read. */
function readable(state: StateMap): string[] {
  return [...state].map(([key, id]) => `${splitStateMapKey(key).join(' | ')} = ${id}`).sort()
}

const fixtures = readdirSync(FOLDER)
  .filter((name) => name.endsWith('.json.gz'))
  .map((name) => readSynapseRooms(new URL(name, FOLDER)))

test('S1: there are enough rooms', () => {
  expect(fixtures.reduce((sum, { rooms }) => sum + rooms.length, 0)).toBeGreaterThanOrEqual(MIN_SCENARIOS)
})

describe.each(fixtures.map((fixture) => [fixture.rules.version, fixture] as const))('room version %s', (_, { rules, rooms }) => {
  test('events get the same IDs', () => {
    for (const { tried } of rooms) {
      expect(tried.map(({ event, idPrefix }) => event.eventId.slice(0, idPrefix.length))).toEqual(tried.map(({ idPrefix }) => idPrefix))
    }
  })

  test('E11: events are allowed or refused alike against their auth events', () => {
    for (const [number, { tried, create, lookup }] of rooms.entries()) {
      const differences = tried.flatMap(({ event, allowed }, place) => {
        const authEvents = event.authEvents.flatMap((id) => lookup.get(id) ?? [])
        const verdict = checkAgainstAuthEvents(event, authEvents, () => false, rules, create)
        return verdict.allowed === allowed ? [] : [{ number, place, allowed, verdict, event: event.pdu }]
      })
      expect(differences).toEqual([])
    }
  })

  test('S1: states resolve alike', () => {
    for (const { resolutions } of rooms) {
      for (const { inputs, resolved, lookup } of resolutions)
        expect(readable(resolveState(inputs, lookup, rules))).toEqual(readable(resolved))
    }
  })
})
