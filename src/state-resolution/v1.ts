import { compareCodePoints } from '../matrix/canonical-json.ts'
import { sha1 } from '../matrix/crypto.ts'
import type { EventId, RoomEvent } from '../matrix/events/room-event.ts'
import type { RoomVersionRules } from '../matrix/room-versions/rules.ts'
import type { AuthState } from './auth/auth-state.ts'
import { checkAuth } from './auth/check-auth.ts'
import type { EventReader } from './resolve/event-lookup.ts'
import type { Slice } from './resolve/slice.ts'
import { type StateMap, type StateMapKey, splitStateMapKey, stateMapKey } from './state-map.ts'

/*
 * State resolution of room version 1 (rooms/v1#state-resolution). Where the text leaves a choice, this follows the deployed servers: a key
 * that only some states have is no conflict; each key of a pass is resolved by itself, in the state that the passes before have made; and
 * where no candidate is allowed, the one of the least depth stays. Rejected and unknown events are no candidates.
 */

/** A conflicted key and its candidates. */
type Conflict = readonly [key: StateMapKey, candidates: readonly EventId[]]

/** Progress of a resolution, as JSON. */
export interface V1Progress {
  readonly algorithm: 'v1'
  /** Conflicts in the order of the passes. */
  readonly conflicts: readonly Conflict[]
  /** How many of them have been resolved. */
  readonly decided: number
  readonly resolved: readonly (readonly [StateMapKey, EventId])[]
  /** Entries whose event was the only candidate that could be used: they stand, but authorize nothing. */
  readonly sole: readonly (readonly [StateMapKey, EventId])[]
}

/** The order in which types are resolved; everything else comes after. */
const PASSES: readonly string[] = ['m.room.power_levels', 'm.room.join_rules', 'm.room.member']

/** Divides the input states into the entries that do not conflict and the conflicts. */
export function startV1(states: readonly StateMap[]): { unconflicted: Map<StateMapKey, EventId>; progress: V1Progress } {
  const candidates = new Map<StateMapKey, Set<EventId>>()
  for (const state of states) {
    for (const [key, id] of state) {
      const known = candidates.get(key)
      if (known === undefined) candidates.set(key, new Set([id]))
      else known.add(id)
    }
  }
  const unconflicted = new Map<StateMapKey, EventId>()
  const conflicts: Conflict[] = []
  for (const [key, ids] of candidates) {
    const [only] = ids
    if (ids.size === 1 && only !== undefined) unconflicted.set(key, only)
    else conflicts.push([key, [...ids]])
  }
  conflicts.sort(([left], [right]) => passOf(left) - passOf(right) || compareCodePoints(left, right))
  return { unconflicted, progress: { algorithm: 'v1', conflicts, decided: 0, resolved: [], sole: [] } }
}

/** A resolution in progress. */
export class V1Resolution {
  readonly #conflicts: readonly Conflict[]
  readonly #unconflicted: StateMap
  readonly #resolved: Map<StateMapKey, EventId>
  readonly #sole: Map<StateMapKey, EventId>
  #decided: number

  constructor(progress: V1Progress, unconflicted: StateMap) {
    this.#conflicts = progress.conflicts
    this.#unconflicted = unconflicted
    this.#resolved = new Map(progress.resolved)
    this.#sole = new Map(progress.sole)
    this.#decided = progress.decided
  }

  /** Goes on as far as the budget allows; the entries to add to the unconflicted state, if the end was reached. */
  advance(slice: Slice): StateMap | undefined {
    for (; this.#decided < this.#conflicts.length; this.#decided++) {
      if (slice.budget.exhausted) return undefined
      const [key, ids] = this.#conflicts[this.#decided] ?? ['', []]
      slice.budget.take(ids.length)
      this.#decide(key, ids, slice)
    }
    return new Map([...this.#resolved, ...this.#sole])
  }

  save(): V1Progress {
    return { algorithm: 'v1', conflicts: this.#conflicts, decided: this.#decided, resolved: [...this.#resolved], sole: [...this.#sole] }
  }

  #decide(key: StateMapKey, ids: readonly EventId[], { reader, rules }: Slice): void {
    reader.prefetch(ids)
    const candidates = ids.flatMap((id) => (reader.isRejected(id) ? [] : (reader.get(id) ?? [])))
    const [only, another] = candidates
    if (only !== undefined && another === undefined) {
      this.#sole.set(key, only.eventId)
      return
    }
    const state = stateBefore(passOf(key), this.#unconflicted, this.#resolved, reader)
    const shallowestFirst = sortByDepth(candidates)
    const winner =
      passOf(key) < PASSES.length ? lastOfAllowedChain(key, shallowestFirst, state, rules) : deepestAllowed(shallowestFirst, state, rules)
    if (winner !== undefined) this.#resolved.set(key, winner.eventId)
  }
}

function passOf(key: StateMapKey): number {
  const pass = PASSES.indexOf(splitStateMapKey(key)[0])
  return pass < 0 ? PASSES.length : pass
}

type ReadState = (type: string, stateKey: string) => RoomEvent | undefined

/** The state that a pass starts from: what does not conflict, and what the passes before resolved. */
function stateBefore(pass: number, unconflicted: StateMap, resolved: StateMap, reader: EventReader): ReadState {
  return (type, stateKey) => {
    const key = stateMapKey(type, stateKey)
    const id = unconflicted.get(key) ?? (passOf(key) < pass ? resolved.get(key) : undefined)
    return id === undefined || reader.isRejected(id) ? undefined : reader.get(id)
  }
}

/** Ascending depth, then descending SHA-1 of the event ID. */
function sortByDepth(events: readonly RoomEvent[]): RoomEvent[] {
  const hashes = new Map(events.map((event) => [event.eventId, sha1(event.eventId)]))
  return [...events].sort((left, right) => left.depth - right.depth || compareBytes(hashes.get(right.eventId), hashes.get(left.eventId)))
}

function compareBytes(left: Uint8Array = new Uint8Array(), right: Uint8Array = new Uint8Array()): number {
  for (let at = 0; at < left.length; at++) {
    const difference = (left[at] ?? 0) - (right[at] ?? 0)
    if (difference !== 0) return difference
  }
  return 0
}

/** Events that affect authorization: the first one stands; each next one must be allowed in a state with the one before, or ends it. */
function lastOfAllowedChain(
  key: StateMapKey,
  events: readonly RoomEvent[],
  state: ReadState,
  rules: RoomVersionRules,
): RoomEvent | undefined {
  const [type, stateKey] = splitStateMapKey(key)
  let last = events[0]
  for (const event of events.slice(1)) {
    const before = last
    const get: ReadState = (wantedType, wantedKey) =>
      wantedType === type && wantedKey === stateKey ? before : state(wantedType, wantedKey)
    if (!checkAuth(event, asAuthState(get), rules).allowed) break
    last = event
  }
  return last
}

/** Other events: the deepest one that is allowed, or else the shallowest. */
function deepestAllowed(events: readonly RoomEvent[], state: ReadState, rules: RoomVersionRules): RoomEvent | undefined {
  return events.findLast((event) => checkAuth(event, asAuthState(state), rules).allowed) ?? events[0]
}

function asAuthState(get: ReadState): AuthState {
  return { get, create: get('m.room.create', '') }
}
