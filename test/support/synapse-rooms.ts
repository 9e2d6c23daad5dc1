import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { computeEventId, contentHash } from '../../src/matrix/events/event-hashes.ts'
import { readEvent } from '../../src/matrix/events/read-event.ts'
import type { EventId, RoomEvent } from '../../src/matrix/events/room-event.ts'
import type { JsonObject } from '../../src/matrix/json.ts'
import type { RoomVersionRules } from '../../src/matrix/room-versions/rules.ts'
import { type EventLookup, type StateMap, stateMapKey } from '../../src/state-resolution/index.ts'
import { rulesOf } from './room-builder.ts'

/** A file of scripts/vectors/synapse-state-res.py. */
interface Fixture {
  readonly version: string
  readonly baseTs: number
  readonly scenarios: readonly {
    readonly events: readonly Row[]
    /** Input states, the resolved state, and the events to be taken for rejected, as places of events. */
    readonly resolutions: readonly (readonly [
      states: readonly (readonly number[])[],
      resolved: readonly number[],
      rejected: readonly number[],
    ])[]
  }[]
}

type Row = readonly [
  type: string,
  stateKey: string,
  sender: string,
  content: JsonObject,
  ts: number,
  depth: number,
  prevEvents: readonly number[],
  authEvents: readonly number[],
  allowed: 0 | 1,
  idPrefix: string,
]

/** An event that Synapse was asked about. */
export interface TriedEvent {
  readonly event: RoomEvent
  /** Whether Synapse allows it against its own auth events. */
  readonly allowed: boolean
  /** The beginning of the ID that Synapse gave it. */
  readonly idPrefix: string
}

/** A room as Synapse saw it. */
export interface SynapseRoom {
  readonly create: RoomEvent
  readonly tried: readonly TriedEvent[]
  readonly resolutions: readonly SynapseResolution[]
  /** All events, none rejected. */
  readonly lookup: EventLookup
}

/** A resolution by Synapse. */
export interface SynapseResolution {
  readonly inputs: readonly StateMap[]
  readonly resolved: StateMap
  readonly lookup: EventLookup
}

/** The rooms of one fixture, their events built anew. */
export function readSynapseRooms(file: URL): { readonly rules: RoomVersionRules; readonly rooms: SynapseRoom[] } {
  const fixture: Fixture = JSON.parse(gunzipSync(readFileSync(file)).toString('utf8'))
  const rules = rulesOf(fixture.version)
  return { rules, rooms: fixture.scenarios.map((scenario) => readRoom(scenario, fixture.baseTs, rules)) }
}

function readRoom({ events: rows, resolutions }: Fixture['scenarios'][number], baseTs: number, rules: RoomVersionRules): SynapseRoom {
  const tried: TriedEvent[] = []
  let roomId = rules.roomIdIsCreateHash ? undefined : '!room:one.test'
  for (const [place, row] of rows.entries()) {
    const event = buildEvent(row, place, tried, baseTs, roomId, rules)
    roomId = event.roomId
    tried.push({ event, allowed: row[8] === 1, idPrefix: row[9] })
  }
  const eventAt = (place: number): RoomEvent => {
    const entry = tried[place]
    if (entry === undefined) throw new Error(`no event at ${place}`)
    return entry.event
  }
  const stateOf = (places: readonly number[]): StateMap =>
    new Map(places.map(eventAt).map(({ type, stateKey, eventId }) => [stateMapKey(type, stateKey ?? ''), eventId]))
  const byId = new Map(tried.map(({ event }) => [event.eventId, event]))
  const lookupWithout = (rejected: readonly EventId[]): EventLookup => {
    const ids = new Set(rejected)
    return { get: (id) => byId.get(id), isRejected: (id) => ids.has(id) }
  }
  return {
    create: eventAt(0),
    tried,
    resolutions: resolutions.map(([inputs, resolved, rejected]) => ({
      inputs: inputs.map(stateOf),
      resolved: stateOf(resolved),
      lookup: lookupWithout(rejected.map((place) => eventAt(place).eventId)),
    })),
    lookup: lookupWithout([]),
  }
}

function buildEvent(
  [type, stateKey, sender, content, ts, depth, prevEvents, authEvents]: Row,
  place: number,
  earlier: readonly TriedEvent[],
  baseTs: number,
  roomId: string | undefined,
  rules: RoomVersionRules,
): RoomEvent {
  const reference = (at: number) => {
    const id: EventId = earlier[at]?.event.eventId ?? ''
    return rules.eventReferences === 'pairs' ? [id, { sha256: 'x' }] : id
  }
  const unhashed: JsonObject = {
    type,
    state_key: stateKey,
    sender,
    content,
    depth,
    origin_server_ts: baseTs + ts,
    prev_events: prevEvents.map(reference),
    auth_events: authEvents.map(reference),
    ...(roomId === undefined ? {} : { room_id: roomId }),
    ...(rules.eventIdFormat === 'origin' ? { event_id: `$${place}:${sender.slice(sender.indexOf(':') + 1)}` } : {}),
  }
  const pdu = { ...unhashed, hashes: { sha256: contentHash(unhashed, rules) } }
  const eventId = computeEventId(pdu, rules)
  return readEvent(pdu, eventId, roomId ?? `!${eventId.slice(1)}`, rules)
}
