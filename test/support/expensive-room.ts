import type { EventId, RoomEvent } from '../../src/matrix/events/room-event.ts'
import type { JsonObject } from '../../src/matrix/json.ts'
import { type EventLookup, type StateMap, stateMapKey } from '../../src/state-resolution/index.ts'

/** How expensive a room is. */
export interface ExpensiveRoomSize {
  /** Power-levels events, each resting on the one before it. */
  readonly chain: number
  readonly forks: number
  /** Members whose membership events differ between all forks. */
  readonly conflicted: number
}

/** Size of the room of SECURITY-CHECKS S2. */
export const S2_ROOM: ExpensiveRoomSize = { chain: 50_000, forks: 20, conflicted: 1000 }

/** A forked room whose events exist only while they are looked at, so that what is measured is the resolution. */
export interface ExpensiveRoom {
  readonly inputs: readonly StateMap[]
  /** With the number of events asked for so far. */
  readonly lookup: EventLookup & { reads(): number }
}

const CREATOR = '@creator:one.test'
const HASH_LENGTH = 43
/** Numbers that no event has, between the chain and the members. */
const GAP = 100

/** Makes such a room: each fork has power levels of its own, spread over the chain, and its own events of all the members. */
export function expensiveRoom(size: ExpensiveRoomSize, version: '11' | '12' = '11'): ExpensiveRoom {
  const { chain, forks, conflicted } = size
  const make = eventsOf(size, version)
  let reads = 0
  const get = (id: EventId): RoomEvent | undefined => {
    reads += 1
    return make(Number(id.slice(1)))
  }
  const getAuthEventIds = (ids: readonly EventId[]): ReadonlyMap<EventId, readonly EventId[]> => {
    const found = new Map<EventId, readonly EventId[]>()
    for (const id of ids) {
      const made = get(id)
      if (made !== undefined) found.set(id, made.authEvents)
    }
    return found
  }
  const inputs = Array.from({ length: forks }, (_, fork) => {
    const members = Array.from({ length: conflicted }, (__, member) => chain + GAP + fork * conflicted + member)
    return stateOf([0, 1, 2, forkLevels(size, fork), ...members].flatMap((number) => make(number) ?? []))
  })
  return { inputs, lookup: { get, getAuthEventIds, isRejected: () => false, reads: () => reads } }
}

function forkLevels({ chain, forks }: ExpensiveRoomSize, fork: number): number {
  return chain - 1 - fork * Math.floor(chain / forks / 2)
}

/** The room's events by number. */
function eventsOf(size: ExpensiveRoomSize, version: '11' | '12'): (number: number) => RoomEvent | undefined {
  const { chain, forks, conflicted } = size
  const implied = version === '12'
  const create = implied ? [] : [0]
  const users = implied ? {} : { [CREATOR]: 100 }
  return (number) => {
    if (number === 0) return event(0, 'm.room.create', '', CREATOR, { room_version: version }, [])
    if (number === 1) return event(1, 'm.room.member', CREATOR, CREATOR, { membership: 'join' }, create)
    if (number === 2) return event(2, 'm.room.join_rules', '', CREATOR, { join_rule: 'public' }, [...create, 1])
    if (number < chain) {
      const auth = number === 3 ? [...create, 1] : [...create, 1, number - 1]
      return event(number, 'm.room.power_levels', '', CREATOR, { users, filler: number }, auth)
    }
    const place = number - chain - GAP
    if (place < 0 || place >= forks * conflicted) return undefined
    const fork = Math.floor(place / conflicted)
    const user = `@u${place % conflicted}:x.test`
    const content = { membership: 'join', displayname: `${fork}` }
    return event(number, 'm.room.member', user, user, content, [...create, forkLevels(size, fork), 2])
  }
}

/** An event ID as long as a real one. */
function idOf(number: number): EventId {
  return `$${String(number).padStart(HASH_LENGTH, '0')}`
}

function stateOf(events: readonly RoomEvent[]): StateMap {
  return new Map(events.map(({ type, stateKey, eventId }) => [stateMapKey(type, stateKey ?? ''), eventId]))
}

function event(number: number, type: string, stateKey: string, sender: string, content: JsonObject, auth: readonly number[]): RoomEvent {
  return {
    eventId: idOf(number),
    roomId: `!${idOf(0).slice(1)}`,
    type,
    stateKey,
    sender,
    content,
    originServerTs: number,
    depth: number + 1,
    prevEvents: number === 0 ? [] : [idOf(number - 1)],
    authEvents: auth.map(idOf),
    redacts: undefined,
    pdu: {},
  }
}
