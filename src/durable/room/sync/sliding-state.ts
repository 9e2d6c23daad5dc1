import type { StoredEvent } from '../../../storage/room/events.ts'
import type { RequiredState, StatePattern } from '../../sliding-protocol.ts'
import type { RoomCore } from '../room-core.ts'

const MEMBER = 'm.room.member'

/** Whether clients that asked for this are sent a key of state. */
export function wantsState(wanted: readonly RequiredState[], type: string, stateKey: string): boolean {
  return wanted.some(({ include, exclude, lazyMembers }) => {
    if (exclude.some((pattern) => fits(pattern, type, stateKey))) return false
    // Lazily loaded members come with the timeline, except those that are named.
    const isLazy = lazyMembers && type === MEMBER
    return include.some((pattern) => fits(pattern, type, stateKey) && (!isLazy || pattern.type === MEMBER || pattern.stateKey === stateKey))
  })
}

/** Whether members are sent with what is in the timeline. Not where all are sent anyway. */
export function lazyMembersOf(wanted: readonly RequiredState[]): boolean {
  const areMembers = ({ type, stateKey }: StatePattern): boolean => (type === undefined || type === MEMBER) && stateKey === undefined
  const all = wanted.some(({ include, exclude, lazyMembers }) => !lazyMembers && include.some(areMembers) && !exclude.some(isAboutMembers))
  return !all && wanted.some(({ lazyMembers }) => lazyMembers)
}

/** Whether a pattern matches some member. */
function isAboutMembers({ type }: StatePattern): boolean {
  return type === undefined || type === MEMBER
}

function fits(pattern: StatePattern, type: string, stateKey: string): boolean {
  return (pattern.type === undefined || pattern.type === type) && (pattern.stateKey === undefined || pattern.stateKey === stateKey)
}

/** A key of state as a client is to have it; without an event it is gone. */
export interface StateEntry {
  readonly type: string
  readonly stateKey: string
  readonly event: StoredEvent | undefined
}

/** Wanted state at a position. Of a large room no more is read than what has a name or a type that is wanted. */
export function stateAt(
  core: RoomCore,
  at: number,
  isWanted: (type: string, stateKey: string) => boolean,
  wanted: readonly RequiredState[],
): StateEntry[] {
  const named = wanted.flatMap(({ include }) => include)
  const isCurrent = core.state.changes(at, core.lastPos).length === 0
  const state = isCurrent ? (core.state.whole() ?? stateOfPatterns(core, named)) : core.state.at(at, core.lastPos)
  const pairs = core.keys.pairs([...state.keys()])
  const wantedNids = [...state].flatMap(([kid, nid]) => {
    const [type, stateKey] = pairs.get(kid) ?? []
    return type !== undefined && stateKey !== undefined && isWanted(type, stateKey) ? [nid] : []
  })
  return core.events.getMany(wantedNids).map((event) => ({ type: event.type, stateKey: event.stateKey ?? '', event }))
}

/** Current state that patterns can match: keys that are named are looked up one by one, types that are named by their index. */
function stateOfPatterns(core: RoomCore, patterns: readonly StatePattern[]): ReadonlyMap<number, number> {
  if (patterns.some(({ type }) => type === undefined)) return core.state.all()
  const state = new Map<number, number>()
  const types = new Set<string>()
  for (const { type = '', stateKey } of patterns) {
    if (stateKey === undefined) types.add(type)
    else {
      const kid = core.keys.find(type, stateKey)
      const nid = kid === undefined ? undefined : core.state.find(kid)
      if (kid !== undefined && nid !== undefined) state.set(kid, nid)
    }
  }
  if (types.size > 0) for (const [kid, nid] of core.state.all([...types])) state.set(kid, nid)
  return state
}

/** Keys of state that moved between two positions, as they are at the end. */
export function stateChanges(core: RoomCore, from: number, to: number): StateEntry[] {
  const moved = new Map<number, number>()
  for (const { kid, newNid } of core.state.changes(from, to)) moved.set(kid, newNid)
  const pairs = core.keys.pairs([...moved.keys()])
  return [...moved].flatMap(([kid, nid]) => {
    const [type, stateKey] = pairs.get(kid) ?? []
    return type === undefined || stateKey === undefined ? [] : [{ type, stateKey, event: nid === 0 ? undefined : core.events.get(nid) }]
  })
}
