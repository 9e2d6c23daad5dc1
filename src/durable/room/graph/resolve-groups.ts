import type { RoomVersionRules } from '../../../matrix/room-versions/rules.ts'
import {
  type ResolutionCursor,
  type StateMap,
  splitStateMapKey,
  startResolution,
  stateMapKey,
  stepResolution,
} from '../../../state-resolution/index.ts'
import { findResolution, insertResolution } from '../../../storage/room/resolutions.ts'
import { EMPTY_GROUP, type StateEntry } from '../../../storage/room/state-groups.ts'
import type { RoomCore } from '../room-core.ts'
import { resolutionEventsOf } from './resolution-events.ts'

/**
 * Events that a resolution inside a deciding transaction may look at: some tens of milliseconds at most. What needs more is resolved outside, in
 * slices (resolution-work.ts), and what depends on it waits in staging.
 */
export const INLINE_RESOLUTION_EVENTS = 2_000

/** The same where the commit takes in no more once its resolutions have cost enough (resolution-events.ts): a fork of several hundred changes on each side. */
export const RECEIVING_RESOLUTION_EVENTS = 10_000

/** Entries of the largest state that such a resolution reads as a whole. */
export const INLINE_RESOLUTION_ENTRIES = 5_000

/** Thrown where a resolution is too large for the transaction that wants it. Its groups are sorted and exist outside of the transaction. */
export class UnresolvedError extends Error {
  readonly groups: readonly number[]

  constructor(groups: readonly number[]) {
    super('the state has yet to be resolved')
    this.name = 'UnresolvedError'
    this.groups = groups
  }
}

/**
 * The state that several states resolve to (rooms/v2#state-resolution), as a group. A function of immutable groups: computed once and remembered.
 * The caller holds the transaction.
 * @throws UnresolvedError beyond `budget` events.
 */
export function resolveGroups(
  core: RoomCore,
  groups: readonly number[],
  roomId: string,
  rules: RoomVersionRules,
  budget = INLINE_RESOLUTION_EVENTS,
): number {
  const distinct = distinctGroups(groups)
  const [first = EMPTY_GROUP] = distinct
  if (distinct.length <= 1) return first
  const known = findResolution(core.store, distinct)
  if (known !== undefined) return known
  if (Number.isFinite(budget) && distinct.some((gid) => core.groups.approximateSize(gid) > INLINE_RESOLUTION_ENTRIES)) {
    throw new UnresolvedError(distinct)
  }
  const cursor = startResolution(statesOf(core, distinct), rules)
  const events = resolutionEventsOf(core).hold(roomId)
  const result = stepResolution(cursor, events, rules, { events: budget })
  events.spend(result.spent)
  if (!result.done) throw new UnresolvedError(distinct)
  return rememberResolution(core, distinct, result.state)
}

/** Groups without repetitions, in order. */
export function distinctGroups(groups: readonly number[]): number[] {
  return [...new Set(groups)].sort((left, right) => left - right)
}

/** The beginning of the resolution of some groups. */
export function beginResolution(core: RoomCore, groups: readonly number[], rules: RoomVersionRules): ResolutionCursor {
  return startResolution(statesOf(core, groups), rules)
}

/** Makes a resolved state a group and remembers that it is what the groups resolve to. The caller holds the transaction. */
export function rememberResolution(core: RoomCore, groups: readonly number[], resolved: StateMap): number {
  const complete = groups.every((gid) => core.groups.isComplete(gid))
  const gid = groupOf(core, groups[0] ?? EMPTY_GROUP, resolved, complete)
  insertResolution(core.store, groups, gid)
  return gid
}

function statesOf(core: RoomCore, groups: readonly number[]): StateMap[] {
  return groups.map((gid) => stateMapOf(core, gid))
}

/** A group as the resolution algorithm reads states. */
function stateMapOf(core: RoomCore, gid: number): StateMap {
  const entries = core.groups.all(gid)
  const pairs = core.keys.pairs([...entries.keys()])
  const ids = core.events.idsOf([...entries.values()])
  const state = new Map<string, string>()
  for (const [kid, nid] of entries) {
    const pair = pairs.get(kid)
    const eventId = ids.get(nid)
    if (pair === undefined || eventId === undefined) throw new Error(`state group ${gid}: key ${kid} or event ${nid} is missing`)
    state.set(stateMapKey(pair[0], pair[1]), eventId)
  }
  return state
}

/** The group of a resolved state, as changes on top of one of its inputs. */
function groupOf(core: RoomCore, base: number, resolved: StateMap, complete: boolean): number {
  const nids = core.events.nidsOf([...resolved.values()])
  const entries = new Map<number, number>()
  for (const [key, eventId] of resolved) {
    const nid = nids.get(eventId)
    if (nid === undefined) throw new Error(`resolution chose ${eventId}, which is not stored`)
    entries.set(core.keys.intern(...splitStateMapKey(key)), nid)
  }
  return groupOfEntries(core, base, entries, complete)
}

/** A state (key number → event number) as a group, stored as changes on top of one that is near. The caller holds the transaction. */
export function groupOfEntries(core: RoomCore, base: number, entries: ReadonlyMap<number, number>, complete: boolean): number {
  const before = core.groups.all(base)
  const changes: StateEntry[] = []
  for (const [kid, nid] of entries) if (before.get(kid) !== nid) changes.push({ kid, nid })
  for (const kid of before.keys()) if (!entries.has(kid)) changes.push({ kid, nid: 0 })
  return changes.length === 0 && core.groups.isComplete(base) === complete ? base : core.groups.extend(base, changes, complete)
}
