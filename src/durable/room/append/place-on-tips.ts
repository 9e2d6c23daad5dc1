import { limitExceeded } from '../../../matrix/errors.ts'
import type { RoomEvent } from '../../../matrix/events/room-event.ts'
import type { StoredEvent } from '../../../storage/room/events.ts'
import { MAX_PREV_EVENTS, ORD_STEP } from '../../../storage/room/limits.ts'
import { moveCurrentState } from '../graph/move-current-state.ts'
import { placeEvent } from '../graph/place-event.ts'
import { resolveGroups, UnresolvedError } from '../graph/resolve-groups.ts'
import type { RoomCore } from '../room-core.ts'
import type { Draft } from './draft.ts'

/** Ends of the graph that an event builds on, and the state after all of them. */
export interface Tips {
  readonly events: readonly StoredEvent[]
  readonly group: number
}

/** When a change of state may be tried again that would take longer than a commit may last. */
const RETRY_MS = 60_000

/**
 * What a local event builds on where the graph has more ends than an event may name, and they differ in their state: the newest of them. `undefined`, nearly always:
 * it builds on the current state. Ends are that many only where nobody here may join them (dummy-event.ts). Where resolving their states would take longer than a
 * commit may last, it builds on those alone that are of one state with the newest: then there is nothing to resolve.
 */
export function tipsOf(core: RoomCore, draft: Draft): Tips | undefined {
  const { extremities, currentGroup } = draft.head
  if (extremities.length <= MAX_PREV_EVENTS) return undefined
  const events = core.events.getMany(extremities.slice(-MAX_PREV_EVENTS))
  const [newest] = events.slice(-1)
  try {
    const group = resolve(core, draft, groupsOf(events))
    // Current state after it: known from here on.
    resolve(core, draft, [...groupsOf(core.events.getMany(extremities.slice(0, -MAX_PREV_EVENTS))), group])
    return group === currentGroup ? undefined : { events, group }
  } catch (cause) {
    if (!(cause instanceof UnresolvedError) || newest === undefined) throw cause
    return { events: events.filter(({ groupAfter }) => groupAfter === newest.groupAfter), group: newest.groupAfter }
  }
}

const groupsOf = (events: readonly StoredEvent[]): number[] => events.map(({ groupAfter }) => groupAfter)

function resolve(core: RoomCore, { head, rules }: Draft, groups: readonly number[]): number {
  return resolveGroups(core, groups, head.roomId, rules, core.resolutionBudgets.local)
}

/**
 * Places an event of a local user on some ends of the graph, and moves current state to what all ends resolve to then. The caller holds the transaction.
 * @throws MatrixError M_LIMIT_EXCEEDED for a change of state that would take too long to be resolved with the other ends.
 */
export function placeOnTips(core: RoomCore, draft: Draft, event: RoomEvent, tips: Tips, txn: string | undefined): StoredEvent {
  const pos = draft.nextPos
  const placement = { status: 'accepted', groupBefore: tips.group, pos, ord: pos * ORD_STEP, txn } as const
  const stored = placeEvent(core, event, undefined, placement)
  const consumed = new Set(tips.events.map(({ nid }) => nid))
  const before = draft.head.extremities
  const extremities = [...before.filter((nid) => !consumed.has(nid)), stored.nid]
  draft.nextPos = pos + 1
  draft.head = { ...draft.head, headPos: pos, extremities }
  draft.appended.push(stored)
  draft.outgoing = true
  // A message on ends of one state leaves the states of the ends what they were, and so what they resolve to.
  const isAlike = stored.groupAfter === tips.group && tips.events.every(({ groupAfter }) => groupAfter === tips.group)
  if (isAlike) return stored
  try {
    moveCurrentState(core, draft, resolve(core, draft, groupsOf(core.events.getMany(extremities))), pos)
  } catch (cause) {
    throw cause instanceof UnresolvedError ? limitExceeded(RETRY_MS) : cause
  }
  return stored
}
