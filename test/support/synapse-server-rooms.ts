import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { type KeyLookup, parsePublicKey } from '../../src/matrix/events/event-signatures.ts'
import { type ParsedPdu, parsePdu } from '../../src/matrix/events/parse-pdu.ts'
import type { EventId, RoomEvent } from '../../src/matrix/events/room-event.ts'
import { isJsonObject, type JsonObject } from '../../src/matrix/json.ts'
import type { RoomVersionRules } from '../../src/matrix/room-versions/rules.ts'
import { type StateMap, stateMapKey } from '../../src/state-resolution/index.ts'
import { rulesOf } from './room-builder.ts'

/** A file of scripts/synapse-fixtures/make.py. */
interface Fixture {
  readonly version: string
  /** What both servers answer to `GET /_matrix/key/v2/server`. */
  readonly keys: readonly JsonObject[]
  readonly rooms: readonly {
    readonly label: string
    readonly roomId: string
    readonly version: string
    readonly events: readonly {
      readonly eventId: EventId
      readonly pdu: JsonObject
      /** Number of the state behind the event. */
      readonly stateAfter: number
      readonly rejected?: true
      readonly softFailed?: true
    }[]
    /** States, as places of events. */
    readonly states: readonly (readonly number[])[]
    readonly current: readonly number[]
  }[]
}

/** An event of a running Synapse's room, with what Synapse made of it. */
export interface ServedEvent {
  /** The ID that Synapse knows it under. */
  readonly eventId: EventId
  readonly pdu: JsonObject
  readonly parsed: ParsedPdu
  readonly event: RoomEvent
  readonly rejected: boolean
  readonly softFailed: boolean
  readonly stateAfter: StateMap
}

/** A room of a running Synapse. */
export interface ServedRoom {
  readonly label: string
  readonly roomId: string
  readonly rules: RoomVersionRules
  /** In the order in which Synapse took them. */
  readonly events: readonly ServedEvent[]
  readonly byId: ReadonlyMap<EventId, ServedEvent>
  readonly current: StateMap
}

/** Rooms of one fixture, and the keys of the two servers in them. */
export interface ServedRooms {
  readonly version: string
  readonly keys: readonly JsonObject[]
  readonly findKey: KeyLookup
  readonly rooms: readonly ServedRoom[]
}

/** Reads a fixture. Throws for an event whose format is refused. */
export function readServedRooms(file: URL): ServedRooms {
  const fixture: Fixture = JSON.parse(gunzipSync(readFileSync(file)).toString('utf8'))
  return { version: fixture.version, keys: fixture.keys, findKey: keyLookup(fixture.keys), rooms: fixture.rooms.map(readRoom) }
}

function keyLookup(documents: readonly JsonObject[]): KeyLookup {
  return (serverName, keyId) => {
    const document = documents.find((candidate) => candidate.server_name === serverName)
    const keys = document?.verify_keys
    const entry = isJsonObject(keys) ? keys[keyId] : undefined
    const publicKey = isJsonObject(entry) ? parsePublicKey(entry.key) : undefined
    return publicKey && { publicKey, validUntilTs: Number(document?.valid_until_ts) }
  }
}

function readRoom({ label, roomId, version, events: rows, states, current }: Fixture['rooms'][number]): ServedRoom {
  const rules = rulesOf(version)
  const parsed = rows.map(({ eventId, pdu }) => {
    const result = parsePdu(pdu, rules, roomId)
    if (!result.ok) throw new Error(`${eventId}: ${result.reason}`)
    return result
  })
  const stateOf = (places: readonly number[]): StateMap =>
    new Map(
      places.map((place) => {
        const event = parsed[place]?.event
        return [stateMapKey(event?.type ?? '', event?.stateKey ?? ''), rows[place]?.eventId ?? '']
      }),
    )
  const stateMaps = states.map(stateOf)
  const events = parsed.map((result, place): ServedEvent => {
    const row = rows[place]
    const stateAfter = stateMaps[row?.stateAfter ?? -1]
    if (row === undefined || stateAfter === undefined) throw new Error(`no state behind event ${place}`)
    const { eventId, pdu, rejected = false, softFailed = false } = row
    return { eventId, pdu, parsed: result, event: result.event, rejected, softFailed, stateAfter }
  })
  return { label, roomId, rules, events, byId: new Map(events.map((entry) => [entry.eventId, entry])), current: stateOf(current) }
}
