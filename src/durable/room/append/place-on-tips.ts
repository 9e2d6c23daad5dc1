import type { RoomEvent } from '../../../matrix/events/room-event.ts'
import type { StoredEvent } from '../../../storage/room/events.ts'
import { MAX_PREV_EVENTS, ORD_STEP } from '../../../storage/room/limits.ts'
import { moveCurrentState } from '../graph/move-current-state.ts'
import { placeEvent } from '../graph/place-event.ts'
import { resolveGroups } from '../graph/resolve-groups.ts'
import type { RoomCore } from '../room-core.ts'
import type { Draft } from './draft.ts'

/** Ends of the graph that an event builds on, and the state after all of them. */
export interface Tips {
  readonly events: readonly StoredEvent[]
  readonly group: number
}

/**
 * What a local event builds on where the graph has more ends than an event may name, and they differ in their state: the newest of them. `undefined`, nearly always:
 * it builds on the current state. Ends are that many only where nobody here may join them (dummy-event.ts).
 */
export function tipsOf(core: RoomCore, draft: Draft): Tips | undefined {
  const { extremities, roomId, currentGroup } = draft.head
  if (extremities.length <= MAX_PREV_EVENTS) return undefined
  const events = core.events.getMany(extremities.slice(-MAX_PREV_EVENTS))
  const groups = events.map(({ groupAfter }) => groupAfter)
  const group = resolveGroups(core, groups, roomId, draft.rules, Number.POSITIVE_INFINITY)
  return group === currentGroup ? undefined : { events, group }
}

/** Places an event of a local user on some ends of the graph, and moves current state to what all ends resolve to then. The caller holds the transaction. */
export function placeOnTips(core: RoomCore, draft: Draft, event: RoomEvent, tips: Tips, txn: string | undefined): StoredEvent {
  const pos = draft.nextPos
  const placement = { status: 'accepted', groupBefore: tips.group, pos, ord: pos * ORD_STEP, txn } as const
  const stored = placeEvent(core, event, undefined, placement)
  const extremities = [...draft.head.extremities.slice(0, -MAX_PREV_EVENTS), stored.nid]
  draft.nextPos = pos + 1
  draft.head = { ...draft.head, headPos: pos, extremities }
  draft.appended.push(stored)
  draft.outgoing = true
  const groups = core.events.getMany(extremities).map(({ groupAfter }) => groupAfter)
  moveCurrentState(core, draft, resolveGroups(core, groups, draft.head.roomId, draft.rules, Number.POSITIVE_INFINITY), pos)
  return stored
}
