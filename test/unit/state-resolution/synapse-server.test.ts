import { readdirSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { checkEventSignatures, checkSignaturesOf, requiredSigners } from '../../../src/matrix/events/event-signatures.ts'
import type { EventId } from '../../../src/matrix/events/room-event.ts'
import { ROOM_VERSIONS } from '../../../src/matrix/room-versions/rules.ts'
import { signatureKeyIds, verifyJsonSignature } from '../../../src/matrix/signing.ts'
import { authStateOf, checkAgainstAuthEvents, checkAuth } from '../../../src/state-resolution/auth/check-auth.ts'
import { type EventLookup, resolveState, type StateMap, splitStateMapKey, stateMapKeyOf } from '../../../src/state-resolution/index.ts'
import { readServedRooms, type ServedEvent, type ServedRoom } from '../../support/synapse-server-rooms.ts'

/*
 * Rooms of a running Synapse, which a second server joined, forked and was refused in (test/vectors/synapse-server, written by
 * scripts/synapse-fixtures/make.py): every event, every verdict and every state is the same here.
 */

const FOLDER = process.env.SYNAPSE_SERVER_ROOMS
  ? new URL(`file://${process.env.SYNAPSE_SERVER_ROOMS}/`)
  : new URL('../../vectors/synapse-server/', import.meta.url)

const fixtures = readdirSync(FOLDER)
  .filter((name) => name.endsWith('.json.gz'))
  .map((name) => readServedRooms(new URL(name, FOLDER)))
const rooms = fixtures.flatMap(({ rooms: ofVersion, findKey, version }) => ofVersion.map((room) => ({ room, findKey, version })))

/** Events of a room as rules and resolution look them up, rejected as Synapse says. */
function lookupIn(room: ServedRoom): EventLookup {
  return { get: (id) => room.byId.get(id)?.event, isRejected: (id) => room.byId.get(id)?.rejected ?? false }
}

function eventsOf(room: ServedRoom, ids: Iterable<EventId>) {
  return [...ids].flatMap((id) => room.byId.get(id)?.event ?? [])
}

function stateAfter(room: ServedRoom, id: EventId): StateMap {
  const entry = room.byId.get(id)
  if (entry === undefined) throw new Error(`${id} is not part of the fixture`)
  return entry.stateAfter
}

/** The state before an event: that behind what it follows, resolved by us where it follows several. */
function stateBefore(room: ServedRoom, { event }: ServedEvent): StateMap {
  return resolveState(
    event.prevEvents.map((id) => stateAfter(room, id)),
    lookupIn(room),
    room.rules,
  )
}

/** Whether all checks up to the state before the event allow it. */
function isAccepted(room: ServedRoom, entry: ServedEvent): boolean {
  const { isRejected } = lookupIn(room)
  const { event } = entry
  const create = room.events[0]?.event
  const own = checkAgainstAuthEvents(event, eventsOf(room, event.authEvents), isRejected, room.rules, create)
  return own.allowed && checkAuth(event, authStateOf(eventsOf(room, stateBefore(room, entry).values()), create), room.rules).allowed
}

/** A state in a form whose differences can be read. */
function readable(state: StateMap): string[] {
  return [...state].map(([key, id]) => `${splitStateMapKey(key).join(' | ')} = ${id}`).sort()
}

/** The forward extremities of a room: what the next local event would follow. */
class RoomEnds {
  readonly #room: ServedRoom
  readonly #ends = new Set<EventId>()

  constructor(room: ServedRoom) {
    this.#room = room
  }

  add(entry: ServedEvent): void {
    if (entry.rejected || entry.softFailed) return
    this.#end(entry.event.prevEvents)
    this.#ends.add(entry.eventId)
  }

  states(): StateMap[] {
    return [...this.#ends].map((id) => stateAfter(this.#room, id))
  }

  /** What an event follows is no end any more, nor is what that follows if it was no end because of a refusal. */
  #end(ids: readonly EventId[]): void {
    for (const id of ids) {
      this.#ends.delete(id)
      const entry = this.#room.byId.get(id)
      if (entry?.rejected || entry?.softFailed) this.#end(entry.event.prevEvents)
    }
  }
}

test('there are rooms of every version, with forks, refusals and soft failures in each', () => {
  expect(fixtures.map(({ version }) => version).sort()).toEqual([...ROOM_VERSIONS].sort())
  for (const { rooms: ofVersion } of fixtures) {
    const main = ofVersion.find(({ label }) => label === 'main')
    const { events = [] } = main ?? {}
    expect(events.filter(({ event }) => event.prevEvents.length > 1).length).toBeGreaterThanOrEqual(5)
    expect(
      events.filter(({ event, parsed }) => signersOf(parsed.event.pdu).length > 1 && event.type === 'm.room.member').length,
    ).toBeGreaterThan(0)
    for (const kind of ['rejected', 'softFailed'] as const) expect(events.filter((entry) => entry[kind]).length).toBeGreaterThan(0)
    for (const type of ['m.room.redaction', 'm.room.tombstone', 'm.room.power_levels']) {
      expect(events.map(({ event }) => event.type)).toContain(type)
    }
  }
})

function signersOf(pdu: ServedEvent['pdu']): string[] {
  return Object.keys(pdu.signatures ?? {})
}

test.each(fixtures)('the key documents of version $version are signed with the keys in them', ({ keys, findKey }) => {
  for (const document of keys) {
    const name = String(document.server_name)
    const [keyId = ''] = signatureKeyIds(document, name)
    expect(verifyJsonSignature(document, name, keyId, findKey(name, keyId)?.publicKey ?? new Uint8Array())).toBe(true)
  }
})

describe.each(rooms.map((entry) => ({ ...entry, name: `version ${entry.version}, room "${entry.room.label}"` })))(
  '$name',
  ({ room, findKey }) => {
    test('E1, E4: event IDs, room ID and content hashes are the same', () => {
      for (const { eventId, parsed } of room.events) {
        expect(parsed.event.eventId).toBe(eventId)
        expect(parsed.event.roomId).toBe(room.roomId)
        expect(parsed.contentHashMatches).toBe(true)
      }
    })

    test('E2: every event carries valid signatures of the servers that have to sign it, and of any others that did', () => {
      for (const { parsed } of room.events) {
        expect(checkEventSignatures(parsed, room.rules, findKey)).toEqual({ kind: 'valid' })
        const signers = signersOf(parsed.event.pdu)
        expect(signers).toEqual(expect.arrayContaining([...requiredSigners(parsed.event, room.rules)]))
        for (const signer of signers) expect(checkSignaturesOf(signer, parsed, room.rules, findKey)).toEqual({ kind: 'valid' })
      }
    })

    test('E5, E7, E8: what Synapse accepted is accepted against its auth events and the state before it; what it rejected is refused', () => {
      const differences = room.events.filter((entry) => isAccepted(room, entry) === entry.rejected)
      expect(differences.map(({ eventId, event, rejected }) => ({ eventId, type: event.type, content: event.content, rejected }))).toEqual(
        [],
      )
    })

    test('S1: the state behind every event is the same, resolved where the room had forked', () => {
      for (const entry of room.events) {
        const after = new Map(stateBefore(room, entry))
        const key = stateMapKeyOf(entry.event)
        if (key !== undefined && !entry.rejected) after.set(key, entry.eventId)
        expect(readable(after)).toEqual(readable(entry.stateAfter))
      }
    })

    test('E9: what Synapse soft-failed is allowed by the state before it, and refused by the state of the room at the time', () => {
      const ends = new RoomEnds(room)
      for (const entry of room.events) {
        if (!entry.rejected) {
          expect(isAccepted(room, entry)).toBe(true)
          const current = resolveState(ends.states(), lookupIn(room), room.rules)
          const verdict = checkAuth(entry.event, authStateOf(eventsOf(room, current.values()), room.events[0]?.event), room.rules)
          expect({ eventId: entry.eventId, softFailed: !verdict.allowed }).toEqual({ eventId: entry.eventId, softFailed: entry.softFailed })
        }
        ends.add(entry)
      }
      expect(readable(resolveState(ends.states(), lookupIn(room), room.rules))).toEqual(readable(room.current))
    })
  },
)
