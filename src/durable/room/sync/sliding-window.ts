import type { StoredEvent } from '../../../storage/room/events.ts'
import { ORD_STEP } from '../../../storage/room/limits.ts'
import type { Caller, MemberChanges } from '../../protocol.ts'
import type { ScopedNews, SlidingWindow, SlidingWindowRequest } from '../../sliding-protocol.ts'
import { bundling } from '../read/bundle.ts'
import { clientEvent, type EventReader } from '../read/client-event.ts'
import { formatPositionToken } from '../read/position-token.ts'
import { readTimeline, type TimelinePage } from '../read/timeline.ts'
import { Visibility } from '../read/visibility.ts'
import type { RoomCore } from '../room-core.ts'
import { memberChanges } from '../sharing.ts'
import { memberEvents, memberEventsAt } from './lazy-members.ts'
import { slidingReceipts } from './sliding-receipts.ts'
import { lazyMembersOf, type StateEntry, stateAt, stateChanges, wantsState } from './sliding-state.ts'
import { heroes } from './summary.ts'

const MEMBER = 'm.room.member'
const NOTHING: SlidingWindow = { empty: true, members: '', isExpanded: false, receipts: undefined, typing: undefined }

/** What the parts of one window share. */
interface Building {
  readonly core: RoomCore
  readonly caller: Caller
  readonly request: SlidingWindowRequest
  readonly reader: EventReader
  readonly to: number
}

/** What one room has to say on a connection of sliding sync between two positions (MSC4186, "Room results"). */
export function buildSlidingWindow(core: RoomCore, caller: Caller, asked: SlidingWindowRequest): SlidingWindow {
  // Left without ever having been here.
  if (core.findHead()?.life !== 'active') return NOTHING
  const visibility = new Visibility(core, caller.userId)
  const reader: EventReader = { visibility, deviceId: caller.deviceId, nowMs: core.nowMs() }
  // Whoever was never in the room sees no more than what became of their own membership.
  if (visibility.horizonOrd < 0 && visibility.membership !== 'join') return ownMembershipOnly(core, caller, reader)
  const isJoined = visibility.membership === 'join'
  if (isJoined && asked.needsMembers && core.partial.current !== undefined) return { ...NOTHING, withheld: true }
  const isNew = wasWithheld(core, asked)
  const request = isNew ? asNew(asked) : asked
  const to = isJoined ? request.to : Math.min(request.to, visibility.horizonPos)
  const building: Building = { core, caller, request, reader, to }
  const { from } = request
  const page = readTimeline(core, visibility, {
    direction: 'backwards',
    endsAt: 'live-end',
    afterOrd: from === null || request.expandTimeline ? -1 : from * ORD_STEP,
    beforeOrd: to * ORD_STEP + 1,
    limit: request.config.timelineLimit,
    filter: undefined,
    ignoredUsers: request.ignoredUsers,
  })
  const timeline = [...page.events].reverse()
  const state = stateSection(building, timeline, isGap(page, from, timeline, request))
  const summary = summaryParts(building, timeline)
  const parts = [...stateParts(core, state, reader), ...timelineParts(building, page, timeline), ...summary]
  const hasOld = request.expandTimeline && timeline.length > 0
  const hasNothing = timeline.length === 0 && !page.more && state.length === 0 && summary.length === 0 && !hasOld
  return {
    empty: from !== null && hasNothing && !core.partial.isCompletedIn(from, to),
    members: parts.join(','),
    isNew,
    isExpanded: hasOld,
    receipts: isJoined ? receiptsContent(building, timeline) : undefined,
    typing: request.withTyping !== 'nothing' && isJoined ? typingContent(building) : undefined,
  }
}

/** Whether the client was not shown the room where it is now, because it asked for members that nobody knew (docs/design/partial-state.md). */
function wasWithheld(core: RoomCore, { from, neededMembers }: SlidingWindowRequest): boolean {
  const { completedPos } = core.partial
  return from !== null && neededMembers && (completedPos === undefined || from < completedPos)
}

/** The window of a room that the client has nothing of. */
function asNew(request: SlidingWindowRequest): SlidingWindowRequest {
  const all = (wanted: ScopedNews): ScopedNews => (wanted === 'changes' ? 'everything' : wanted)
  const scoped = { withReceipts: all(request.withReceipts), withTyping: all(request.withTyping) }
  return { ...request, ...scoped, from: null, previousState: undefined, expandTimeline: false }
}

/** Whether events are missing between what the client has and the timeline. */
function isGap(page: TimelinePage, from: number | null, timeline: readonly StoredEvent[], request: SlidingWindowRequest): boolean {
  if (!request.expandTimeline || from === null) return page.more
  return page.more && (timeline[0]?.ord ?? 0) > from * ORD_STEP
}

function ownMembershipOnly(core: RoomCore, caller: Caller, reader: EventReader): SlidingWindow {
  const [own] = memberEvents(core, [caller.userId])
  if (own === undefined) return NOTHING
  return { ...NOTHING, empty: false, departure: `[${clientEvent(core, own, reader, false)}]` }
}

/** State that the client wants and does not have. With a gap in the timeline lazily loaded members are those of the timeline only. */
function stateSection({ core, caller, request, reader, to }: Building, timeline: readonly StoredEvent[], hasGap: boolean): StateEntry[] {
  const { from, config, previousState, connection, acknowledged, answer } = request
  const wanted = config.requiredState
  const isWanted = (type: string, stateKey: string): boolean => wantsState(wanted, type, stateKey)
  const lazy = lazyMembersOf(wanted)
  const entries = new Map<string, StateEntry>()
  const put = (entry: StateEntry): void => void entries.set(JSON.stringify([entry.type, entry.stateKey]), entry)
  if (from === null) {
    core.slidingMembers.forget(connection)
    for (const entry of stateAt(core, to, isWanted, wanted)) put(entry)
  } else {
    if (previousState !== undefined) {
      const isNew = (type: string, stateKey: string): boolean => isWanted(type, stateKey) && !wantsState(previousState, type, stateKey)
      for (const entry of stateAt(core, to, isNew, wanted)) put(entry)
    }
    for (const entry of stateChanges(core, from, to)) {
      if (isWanted(entry.type, entry.stateKey) || (lazy && !hasGap && entry.type === MEMBER)) put(entry)
    }
  }
  // Clients of the form that has no memberships take every room that they hear of for joined unless this says otherwise. A ban after a leave is theirs to know.
  if (reader.visibility.membership !== 'join' && isWanted(MEMBER, caller.userId)) {
    for (const event of memberEvents(core, [caller.userId])) put({ type: MEMBER, stateKey: caller.userId, event })
  }
  if (lazy) {
    const needed = timeline.flatMap(({ sender, type, stateKey }) =>
      type === MEMBER && stateKey !== undefined ? [sender, stateKey] : [sender],
    )
    // Whoever is out does not hear of what members did since.
    const members = memberEventsAt(core, needed, to).filter(({ stateKey }) => !entries.has(JSON.stringify([MEMBER, stateKey])))
    for (const event of core.slidingMembers.unsent(connection, acknowledged, members))
      put({ type: MEMBER, stateKey: event.stateKey ?? '', event })
    core.slidingMembers.note(
      connection,
      answer,
      [...entries.values()].flatMap(({ type, event }) => (type === MEMBER && event !== undefined ? [event] : [])),
    )
  }
  return [...entries.values()]
}

function stateParts(core: RoomCore, state: readonly StateEntry[], reader: EventReader): string[] {
  if (state.length === 0) return []
  const events = state.map(({ type, stateKey, event }) =>
    event === undefined ? JSON.stringify({ type, state_key: stateKey }) : clientEvent(core, event, reader, false),
  )
  return [`"required_state":[${events.join(',')}]`]
}

function timelineParts({ core, request, reader, to }: Building, page: TimelinePage, timeline: readonly StoredEvent[]): string[] {
  const { from, liveFrom, expandTimeline, ignoredUsers } = request
  if (timeline.length === 0 && !page.more && from !== null) return []
  const liveAbove = from ?? liveFrom
  const live = timeline.filter(({ pos }) => pos !== undefined && pos > liveAbove).length
  const start = page.more ? page.nextOrd : (timeline[0]?.ord ?? to * ORD_STEP + 1)
  // Whoever gets every event also gets those that relate to others.
  const hasGap = page.more || from === null || expandTimeline
  const withBundles = hasGap ? bundling(core, reader, timeline, ignoredUsers, false) : reader
  return [
    `"timeline":[${timeline.map((event) => clientEvent(core, event, withBundles, false)).join(',')}]`,
    `"prev_batch":${JSON.stringify(formatPositionToken(core, start))}`,
    `"limited":${page.more}`,
    `"num_live":${live}`,
  ]
}

/** Name, avatar, heroes and counts, where they may have changed. */
function summaryParts({ core, caller, request, reader, to }: Building, timeline: readonly StoredEvent[]): string[] {
  const { from } = request
  const moved = from === null ? [] : stateChanges(core, from, to)
  const isCompleted = core.partial.isCompletedIn(from, to)
  const hasMoved = (...types: string[]): boolean =>
    from === null || (isCompleted && types.includes(MEMBER)) || moved.some(({ type }) => types.includes(type))
  const parts: string[] = []
  const text = (type: string, key: string): string | undefined => {
    const event = core.currentEvent(type, '')
    const value = event === undefined ? undefined : core.roomEvent(event, core.roomId).content[key]
    return typeof value === 'string' && value !== '' ? value : undefined
  }
  // Those who are out are told of the room as it was when they left, which is in its state.
  if (reader.visibility.membership !== 'join') return parts
  if (hasMoved('m.room.name')) {
    const name = text('m.room.name', 'name')
    if (name !== undefined || from !== null) parts.push(`"name":${JSON.stringify(name ?? null)}`)
  }
  if (hasMoved('m.room.avatar')) {
    const avatar = text('m.room.avatar', 'url')
    if (avatar !== undefined || from !== null) parts.push(`"avatar":${JSON.stringify(avatar ?? null)}`)
  }
  const isNameless = text('m.room.name', 'name') === undefined
  if (isNameless && (hasMoved(MEMBER, 'm.room.name', 'm.room.canonical_alias') || timeline.length > 0)) parts.push(heroesPart(core, caller))
  if (hasMoved(MEMBER)) {
    parts.push(`"joined_count":${core.facts.joinedCount()}`, `"invited_count":${core.members.count('invite')}`)
  }
  return parts
}

function heroesPart(core: RoomCore, caller: Caller): string {
  const shown = memberEvents(core, heroes(core, caller.userId)).map((event) => {
    const { displayname, avatar_url } = core.roomEvent(event, core.roomId).content
    return {
      user_id: event.stateKey,
      ...(typeof displayname === 'string' ? { displayname } : {}),
      ...(typeof avatar_url === 'string' ? { avatar_url } : {}),
    }
  })
  return `"heroes":${JSON.stringify(shown)}`
}

/** Receipts. More of the timeline than the client had is shown with the receipts on it. */
function receiptsContent({ core, caller, request, to }: Building, timeline: readonly StoredEvent[]): string | undefined {
  const { withReceipts: wanted, from, expandTimeline, ignoredUsers } = request
  const shown = wanted === 'everything' || expandTimeline ? timeline : []
  return slidingReceipts(core, { readerId: caller.userId, wanted, from, to, shown, ignoredUsers })
}

function typingContent({ core, request, to }: Building): string | undefined {
  const from = request.withTyping === 'changes' ? request.from : null
  const content = core.ephemeral?.typingContent(from ?? -1, to, request.ignoredUsers)
  // Nobody typing is what a room that is new to the connection, or comes into scope, begins with.
  if (content === undefined || (from === null && content === '{"user_ids":[]}')) return undefined
  return content
}

/** Who came and went, for whoever is or was in the room. */
export function memberChangesFor(core: RoomCore, caller: Caller, from: number | null, to: number): MemberChanges | undefined {
  if (core.findHead()?.life !== 'active') return undefined
  const visibility = new Visibility(core, caller.userId)
  if (visibility.horizonOrd < 0 && visibility.membership !== 'join') return undefined
  const end = visibility.membership === 'join' ? to : Math.min(to, visibility.horizonPos)
  return memberChanges(core, caller, from, end, visibility.membership)
}

/** Rooms that a space names with servers to join by (client-server-api#mspacechild), for a member. */
export function spaceChildren(core: RoomCore, caller: Caller): string[] {
  if (core.findHead()?.life !== 'active' || core.members.find(caller.userId)?.membership !== 'join') return []
  const nids = [...core.state.all(['m.space.child']).values()]
  return core.events.getMany(nids).flatMap((event) => {
    const { via } = core.roomEvent(event, core.roomId).content
    return Array.isArray(via) && event.stateKey !== undefined ? [event.stateKey] : []
  })
}
