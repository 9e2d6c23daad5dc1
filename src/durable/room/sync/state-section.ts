import { matchesEventFilter, type RoomEventFilter } from '../../../matrix/filters.ts'
import type { StoredEvent } from '../../../storage/room/events.ts'
import { hasUrl } from '../read/client-event.ts'
import type { RoomCore } from '../room-core.ts'

/** What a state section is made from. Positions are of current state's log. */
export interface StateSectionQuery {
  /** `null`: the whole state. */
  readonly from: number | null
  /** The position whose state the client must arrive at. */
  readonly at: number
  /** The end of the window: movements between `at` and here that the timeline does not show are added. */
  readonly to: number
  /** State events of the timeline, which the client applies itself. */
  readonly timeline: readonly StoredEvent[]
  readonly filter: RoomEventFilter
  /** With lazy loading: members of whom the client needs to know. */
  readonly lazyMemberIds: ReadonlySet<string> | undefined
}

/**
 * State events that bring a client from what it knows to the state at a position. Derived from the log of current state, never from "a state event
 * arrived": resolution moves state without events.
 */
export function stateSection(core: RoomCore, query: StateSectionQuery): StoredEvent[] {
  const wanted = query.from === null ? core.state.at(query.at, core.head.headPos) : changedKeys(core, query.from, query.at)
  const shown = new Set(query.timeline.map(({ nid }) => nid))
  const shownKeys = new Set(query.timeline.map((event) => `${event.type}\u0000${event.stateKey ?? ''}`))
  for (const change of core.state.changes(query.at, query.to)) {
    if (change.newNid === 0 || shown.has(change.newNid)) continue
    const event = core.events.get(change.newNid)
    // The timeline comes after this section: a key that it sets again ends as the timeline says.
    if (!shownKeys.has(`${event.type}\u0000${event.stateKey ?? ''}`)) wanted.set(change.kid, change.newNid)
  }
  const whole = query.from === null
  return core.events.getMany([...wanted.values()]).filter((event) => {
    if (whole && query.lazyMemberIds !== undefined && event.type === 'm.room.member' && !query.lazyMemberIds.has(event.stateKey ?? '')) {
      return false
    }
    const url = query.filter.containsUrl === undefined ? undefined : hasUrl(event)
    return matchesEventFilter(query.filter, { type: event.type, sender: event.sender, roomId: core.roomId, hasUrl: url })
  })
}

/** The latest event of each key that moved between two positions. */
function changedKeys(core: RoomCore, from: number, to: number): Map<number, number> {
  const changed = new Map<number, number>()
  if (to <= from) return changed
  for (const { kid, newNid } of core.state.changes(from, to)) {
    if (newNid === 0) changed.delete(kid)
    else changed.set(kid, newNid)
  }
  return changed
}
