import type { RoomEvent } from '../../../matrix/events/room-event.ts'
import type { RoomVersionRules } from '../../../matrix/room-versions/rules.ts'
import { type EventLookup, resolveState, type StateMap, splitStateMapKey, stateMapKey } from '../../../state-resolution/index.ts'
import { findResolution, insertResolution } from '../../../storage/room/resolutions.ts'
import { EMPTY_GROUP, type StateEntry } from '../../../storage/room/state-groups.ts'
import type { RoomCore } from '../room-core.ts'

/**
 * The state that several states resolve to (rooms/v2#state-resolution), as a group. A function of immutable groups: computed once and remembered.
 * The caller holds the transaction.
 */
export function resolveGroups(core: RoomCore, groups: readonly number[], roomId: string, rules: RoomVersionRules): number {
  const distinct = [...new Set(groups)]
  const [first = EMPTY_GROUP] = distinct
  if (distinct.length <= 1) return first
  const known = findResolution(core.store, distinct)
  if (known !== undefined) return known
  const resolved = resolveState(
    distinct.map((gid) => stateMapOf(core, gid)),
    eventLookup(core, roomId),
    rules,
  )
  const gid = groupOf(core, first, resolved)
  insertResolution(core.store, distinct, gid)
  return gid
}

/** A group as the resolution algorithm reads states. */
function stateMapOf(core: RoomCore, gid: number): StateMap {
  const entries = core.groups.all(gid)
  const pairs = core.keys.pairs([...entries.keys()])
  const state = new Map<string, string>()
  for (const [kid, nid] of entries) {
    const pair = pairs.get(kid)
    if (pair === undefined) throw new Error(`state key ${kid} is missing`)
    state.set(stateMapKey(pair[0], pair[1]), core.events.get(nid).eventId)
  }
  return state
}

/** The group of a resolved state, as changes on top of one of its inputs. */
function groupOf(core: RoomCore, base: number, resolved: StateMap): number {
  const changes: StateEntry[] = []
  const present = new Set<number>()
  for (const [key, eventId] of resolved) {
    const kid = core.keys.intern(...splitStateMapKey(key))
    const event = core.events.findById(eventId)
    if (event === undefined) throw new Error(`resolution chose ${eventId}, which is not stored`)
    present.add(kid)
    if (core.groups.lookup(base, kid) !== event.nid) changes.push({ kid, nid: event.nid })
  }
  for (const kid of core.groups.all(base).keys()) if (!present.has(kid)) changes.push({ kid, nid: 0 })
  return changes.length === 0 ? base : core.groups.extend(base, changes)
}

/** The room's events as the resolution algorithm asks for them. */
function eventLookup(core: RoomCore, roomId: string): EventLookup {
  return {
    get: (id): RoomEvent | undefined => {
      const stored = core.events.findById(id)
      return stored === undefined ? undefined : core.roomEvent(stored, roomId)
    },
    isRejected: (id) => core.events.findById(id)?.status === 'rejected',
  }
}
