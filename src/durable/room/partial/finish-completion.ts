import { isPlaced, type StoredEvent } from '../../../storage/room/events.ts'
import { forgetIncomplete, incompleteEvents, nextUntoldState, writePartialRoom } from '../../../storage/room/partial-room.ts'
import type { Draft } from '../append/draft.ts'
import { type Committed, finishDraft } from '../append/finish-draft.ts'
import { followMember } from '../append/follow-member.ts'
import { resolveGroups, UnresolvedError } from '../graph/resolve-groups.ts'
import type { RoomCore } from '../room-core.ts'
import { PARTIAL_DUE } from './begin-partial.ts'
import { planned } from './complete-state.ts'

/** Rejected ends of the graph that are walked through to find what is below them. */
const MAX_WALKED = 1_000

/**
 * Ends the completion of a room whose events are all on whole states: current state becomes what the ends of the graph resolve to, as one movement. One commit.
 * `resolving`: a resolution must end first. `more`: there is something incomplete again.
 */
export function finishCompletion(core: RoomCore): Committed | 'resolving' | 'more' {
  if (incompleteEvents(core.store, 1).length > 0 || nextUntoldState(core.store) !== undefined) return 'more'
  try {
    const result = core.store.transaction(undefined, () => finish(core))
    if (result === 'resolving') return result
    core.adopt(result.draft.head)
    core.partial.completed()
    return result
  } catch (cause) {
    core.forgetCaches()
    throw cause
  }
}

function finish(core: RoomCore): Committed | 'resolving' {
  const { head, rules } = core
  const pos = core.nextPos
  const tips = liveTips(core, core.events.getMany(head.extremities))
  let group: number
  try {
    const groups = tips.map(({ groupAfter }) => groupAfter)
    group = resolveGroups(core, groups, head.roomId, rules)
  } catch (cause) {
    if (!(cause instanceof UnresolvedError)) throw cause
    return planned(core, cause.groups)
  }
  const draft: Draft = {
    head: { ...head, currentGroup: group, extremities: tips.map(({ nid }) => nid), headPos: pos },
    rules,
    nextPos: pos + 1,
    appended: [],
    notices: [],
    localMembersChanged: new Set(),
    outgoing: false,
    tellsServers: false,
  }
  const { current } = core.partial
  if (current !== undefined) writePartialRoom(core.store, { ...current, completedPos: pos })
  forgetIncomplete(core.store)
  core.partial.forget()
  core.members.forgetCache()
  core.due.clear(PARTIAL_DUE, '')
  moveAll(core, draft, group, pos)
  return finishDraft(core, draft)
}

/** Moves current state, nearly all of which is there already. */
function moveAll(core: RoomCore, draft: Draft, group: number, pos: number): void {
  const now = core.state.all()
  const whole = core.groups.all(group)
  const moved = [...whole].filter(([kid, nid]) => now.get(kid) !== nid).map(([kid]) => kid)
  for (const kid of now.keys()) if (!whole.has(kid)) moved.push(kid)
  const pairs = core.keys.pairs(moved)
  for (const kid of moved) {
    const nid = whole.get(kid)
    core.state.move(kid, nid ?? 0, pos)
    const [type, stateKey] = pairs.get(kid) ?? []
    if (type !== 'm.room.member' || stateKey === undefined) continue
    followMember(core, draft, stateKey, nid === undefined ? undefined : core.events.get(nid), pos)
  }
}

/** The ends of the graph without those that are rejected after all: what they build on takes their place. */
function liveTips(core: RoomCore, extremities: readonly StoredEvent[]): StoredEvent[] {
  const live = new Map<number, StoredEvent>()
  const open = [...extremities].reverse()
  for (let walked = 0; walked < MAX_WALKED; walked += 1) {
    const tip = open.pop()
    if (tip === undefined) break
    if (tip.status === 'accepted') {
      live.set(tip.nid, tip)
      continue
    }
    for (const eventId of core.roomEvent(tip, core.roomId).prevEvents) {
      const below = core.events.findById(eventId)
      if (below !== undefined && isPlaced(below)) open.push(below)
    }
  }
  return live.size === 0 ? [...extremities] : [...live.values()]
}
