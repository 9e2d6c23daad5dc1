/*
 * How long authorization and state resolution take, on rooms made of nothing but numbers:
 *
 *   node scripts/measure-state-resolution.ts
 *   node --max-old-space-size=64 scripts/measure-state-resolution.ts hostile
 *
 * The hostile room is that of SECURITY S2: a 20-way fork, 1,000 conflicted members in each branch, an auth chain of 50,000 events, resolved in
 * slices, in one run through cursors that are stored as text. Its events exist only while they are looked at.
 */
import type { EventId, RoomEvent } from '../src/matrix/events/room-event.ts'
import type { JsonObject } from '../src/matrix/json.ts'
import { findRoomVersionRules, type RoomVersionRules } from '../src/matrix/room-versions/rules.ts'
import { authTypesFor } from '../src/state-resolution/auth/auth-types.ts'
import { authStateOf, checkAuth } from '../src/state-resolution/auth/check-auth.ts'
import {
  type EventLookup,
  readCursor,
  resolveState,
  type StateMap,
  startResolution,
  stateMapKey,
  stepResolution,
} from '../src/state-resolution/index.ts'

const CREATOR = '@creator:one.test'
const HASH_LENGTH = 43

/** An event ID as long as a real one. */
function idOf(number: number): EventId {
  return `$${String(number).padStart(HASH_LENGTH, '0')}`
}

const CREATE_ID = idOf(0)

function rulesOf(version: string): RoomVersionRules {
  const rules = findRoomVersionRules(version)
  if (rules === undefined) throw new Error(`no room version ${version}`)
  return rules
}

function event(
  number: number,
  type: string,
  stateKey: string | undefined,
  sender: string,
  content: JsonObject,
  auth: readonly number[],
): RoomEvent {
  return {
    eventId: idOf(number),
    roomId: `!${CREATE_ID.slice(1)}`,
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

function timed<T>(label: string, work: () => T): T {
  const before = cpuMs()
  const result = work()
  console.log(`${label}: ${(cpuMs() - before).toFixed(1)} ms`)
  return result
}

/** A room with many members and forks in each of which some of them change their profiles, and the power levels. */
function largeRoom(rules: RoomVersionRules, members: number, forks: number, changed: number): { inputs: StateMap[]; lookup: EventLookup } {
  const events: RoomEvent[] = []
  const create = rules.roomIdIsCreateHash ? [] : [0]
  const add = (type: string, stateKey: string, sender: string, content: JsonObject, auth: number[]) => {
    const made = event(events.length, type, stateKey, sender, content, auth)
    events.push(made)
    return made
  }
  const common = new Map<string, EventId>()
  const put = (state: Map<string, EventId>, made: RoomEvent) => state.set(stateMapKey(made.type, made.stateKey ?? ''), made.eventId)
  put(common, add('m.room.create', '', CREATOR, { room_version: rules.version }, []))
  put(common, add('m.room.member', CREATOR, CREATOR, { membership: 'join' }, [...create]))
  const users = rules.privilegedCreators ? {} : { [CREATOR]: 100 }
  put(common, add('m.room.power_levels', '', CREATOR, { users }, [...create, 1]))
  put(common, add('m.room.join_rules', '', CREATOR, { join_rule: 'public' }, [...create, 2, 1]))
  const first = events.length
  for (let n = 0; n < members; n++)
    put(common, add('m.room.member', `@u${n}:x.test`, `@u${n}:x.test`, { membership: 'join' }, [...create, 2, 3]))
  const inputs = Array.from({ length: forks }, (_, fork) => {
    const state = new Map(common)
    const levels = add('m.room.power_levels', '', CREATOR, { users: { ...users, [`@u${fork}:x.test`]: 50 } }, [...create, 2, 1])
    put(state, levels)
    for (let n = 0; n < changed; n++) {
      const user = `@u${(n * 7 + fork) % members}:x.test`
      const before = first + ((n * 7 + fork) % members)
      put(state, add('m.room.member', user, user, { membership: 'join', displayname: `${fork}` }, [...create, levels.depth - 1, 3, before]))
    }
    return state
  })
  const byId = new Map(events.map((made) => [made.eventId, made]))
  return { inputs, lookup: { get: (id) => byId.get(id), isRejected: () => false } }
}

function measureLargeRooms(): void {
  for (const version of ['11', '12', '2', '1']) {
    for (const changed of [0, 100, 10_000]) {
      const rules = rulesOf(version)
      const { inputs, lookup } = largeRoom(rules, 10_000, 5, changed)
      const label = `version ${version}, 10,000 members, 5 forks with ${changed} changed members each`
      timed(`${label}, first time`, () => resolveState(inputs, lookup, rules))
      timed(`${label}, again`, () => resolveState(inputs, lookup, rules))
    }
  }
}

function measureAuth(): void {
  const rules = rulesOf('11')
  const { inputs, lookup } = largeRoom(rules, 1000, 1, 0)
  const state = inputs[0] ?? new Map()
  const find = (type: string, stateKey: string) => lookup.get(state.get(stateMapKey(type, stateKey)) ?? '')
  const sender = '@u5:x.test'
  const message = event(99_999, 'm.room.message', undefined, sender, { body: 'x' }, [])
  const rounds = 200_000
  for (const round of ['first', 'second']) {
    const before = cpuMs()
    for (let n = 0; n < rounds; n++) {
      const authEvents = authTypesFor(message, rules).flatMap(([type, stateKey]) => find(type, stateKey) ?? [])
      if (!checkAuth(message, authStateOf(authEvents), rules).allowed) throw new Error('refused')
    }
    const microseconds = ((cpuMs() - before) * 1000) / rounds
    console.log(`authorizing a message, selection of auth events included, ${round} ${rounds}: ${microseconds.toFixed(2)} µs each`)
  }
}

const CHAIN = 50_000
const FORKS = 20
const CONFLICTED = 1000
/** A cursor that is stored is stored once in so many slices. */
const STORE_EVERY = 16

/** Number of the event of a member in a fork; before them are the chain's events, of which every tenth or so sets the power levels. */
function memberNumber(fork: number, member: number): number {
  return CHAIN + 100 + fork * CONFLICTED + member
}

function hostileEvent(number: number): RoomEvent | undefined {
  const levels = { users: { [CREATOR]: 100 }, filler: number }
  if (number === 0) return event(0, 'm.room.create', '', CREATOR, { room_version: '11' }, [])
  if (number === 1) return event(1, 'm.room.member', CREATOR, CREATOR, { membership: 'join' }, [0])
  if (number === 2) return event(2, 'm.room.join_rules', '', CREATOR, { join_rule: 'public' }, [0, 1])
  if (number < CHAIN) return event(number, 'm.room.power_levels', '', CREATOR, levels, number === 3 ? [0, 1] : [0, 1, number - 1])
  const place = number - CHAIN - 100
  if (place < 0 || place >= FORKS * CONFLICTED) return undefined
  // Each fork rests on power levels of its own, spread over the chain.
  const fork = Math.floor(place / CONFLICTED)
  const user = `@u${place % CONFLICTED}:x.test`
  return event(number, 'm.room.member', user, user, { membership: 'join', displayname: `${fork}` }, [0, forkLevels(fork), 2])
}

function forkLevels(fork: number): number {
  return CHAIN - 1 - fork * Math.floor(CHAIN / FORKS / 2)
}

/** Processor time of this process, which others on the machine do not lengthen as they do the time on the clock. */
function cpuMs(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}

function measureHostile(sliceEvents: number, storeEvery: number): void {
  const rules = rulesOf('11')
  const lookup: EventLookup = {
    get: (id) => hostileEvent(Number(id.slice(1))),
    getAuthEventIds: (ids) =>
      new Map(ids.flatMap((id) => [hostileEvent(Number(id.slice(1))) ?? []].flat().map((made) => [id, made.authEvents]))),
    isRejected: () => false,
  }
  const inputs = Array.from({ length: FORKS }, (_, fork) => {
    const numbers = [0, 1, 2, forkLevels(fork), ...Array.from({ length: CONFLICTED }, (_, member) => memberNumber(fork, member))]
    return new Map(
      numbers.map((number) => {
        const made = hostileEvent(number)
        return [stateMapKey(made?.type ?? '', made?.stateKey ?? ''), idOf(number)]
      }),
    )
  })
  const begun = cpuMs()
  let cursor = startResolution(inputs, rules)
  const start = cpuMs() - begun
  let [slices, longest, storing, bytes] = [0, start, 0, 0]
  for (;;) {
    const before = cpuMs()
    const result = stepResolution(cursor, lookup, rules, { events: sliceEvents })
    const took = cpuMs() - before
    longest = Math.max(longest, took)
    slices += 1
    if (result.done) break
    cursor = result.cursor
    if (slices % storeEvery !== 0) continue
    const text = JSON.stringify(cursor)
    bytes = Math.max(bytes, text.length)
    const restored = readCursor(JSON.parse(text))
    if (restored === undefined) throw new Error('a cursor that cannot be read back')
    cursor = restored
    storing += cpuMs() - before - took
  }
  const total = cpuMs() - begun
  const heap = process.memoryUsage().heapUsed / 2 ** 20
  console.log(
    `hostile room, slices of ${sliceEvents} events: ${(total - storing).toFixed(0)} ms of processor time in ${slices} slices, the longest ${longest.toFixed(0)} ms ` +
      `(splitting the states ${start.toFixed(0)} ms); storing and reading cursors ${storing.toFixed(0)} ms, up to ${(bytes / 1e6).toFixed(1)} MB; ` +
      `heap ${heap.toFixed(0)} MB`,
  )
}

if (process.argv[2] === 'hostile') {
  measureHostile(1000, Number.POSITIVE_INFINITY)
  measureHostile(2000, Number.POSITIVE_INFINITY)
  // As an object does that may be evicted.
  measureHostile(2000, STORE_EVERY)
  measureHostile(Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY)
} else {
  measureAuth()
  measureLargeRooms()
}
