import { parseSyncFilter, type RoomFilter } from '../../../matrix/filters.ts'
import type { JsonValue } from '../../../matrix/json.ts'
import type { StoredEvent } from '../../../storage/room/events.ts'
import { ORD_STEP } from '../../../storage/room/limits.ts'
import type { Caller } from '../../protocol.ts'
import type { RoomWindow, WindowRequest } from '../../sync-protocol.ts'
import { bundling } from '../read/bundle.ts'
import { clientEvent, clientStateEvents, type EventReader } from '../read/client-event.ts'
import { formatPositionToken } from '../read/position-token.ts'
import { readTimeline, type TimelinePage } from '../read/timeline.ts'
import { Visibility } from '../read/visibility.ts'
import type { RoomCore } from '../room-core.ts'
import { memberChanges } from '../sharing.ts'
import { ephemeralSection } from './ephemeral-section.ts'
import { memberEventsAt } from './lazy-members.ts'
import { stateSection } from './state-section.ts'
import { heroes, movesSummary, needsHeroes, roomSummary } from './summary.ts'

const EMPTY: RoomWindow = {
  empty: true,
  timeline: '{"events":[],"limited":false}',
  state: '{"events":[]}',
  ephemeral: undefined,
  summary: undefined,
  memberChanges: undefined,
}

/** The part of `/sync` that one room has to say between two positions (client-server-api `GET /sync`). */
export function buildWindow(core: RoomCore, caller: Caller, request: WindowRequest): RoomWindow {
  // Left without ever having been here: an invitation of another server that was declined.
  if (core.findHead()?.life !== 'active') return { ...EMPTY, empty: request.section !== 'leave' }
  const visibility = new Visibility(core, caller.userId)
  if (visibility.horizonOrd < 0 && visibility.membership !== 'join')
    return request.section === 'leave' ? departure(core, visibility, request) : EMPTY
  // Whoever knows everything up to where they left hears what became of their own membership since.
  const to = Math.min(request.to, visibility.membership === 'join' ? request.to : visibility.horizonPos)
  if (visibility.membership !== 'join' && request.from !== null && request.from >= to && !request.fullState) {
    const changes = request.withMemberChanges ? memberChanges(core, caller, request.from, to, visibility.membership) : undefined
    return { ...departure(core, visibility, request), memberChanges: changes }
  }
  const filter = roomFilter(request.filter)
  const isEager = request.section === 'join' && !filter.state.lazyLoadMembers && !filter.timeline.lazyLoadMembers
  if (isEager && core.partial.current !== undefined) {
    const changes = request.withMemberChanges ? memberChanges(core, caller, request.from, to, visibility.membership) : undefined
    return { ...EMPTY, withheld: true, memberChanges: changes }
  }
  const isCompleted = core.partial.isCompletedIn(request.from, to)
  // Whoever wants all members was not shown the room before its state was whole.
  const from = isEager && isCompleted ? null : request.from
  const page = readTimeline(core, visibility, {
    direction: 'backwards',
    endsAt: 'live-end',
    afterOrd: from === null ? -1 : from * ORD_STEP,
    beforeOrd: to * ORD_STEP + 1,
    limit: filter.timeline.limit,
    filter: filter.timeline,
    ignoredUsers: request.ignoredUsers,
  })
  const timeline = [...page.events].reverse()
  const stateFrom = request.fullState ? null : from
  const firstPos = timeline[0]?.pos
  const at = request.useStateAfter || firstPos === undefined ? to : firstPos - 1
  const reader: EventReader = { visibility, deviceId: caller.deviceId, nowMs: core.nowMs() }
  // Whoever gets every event also gets those that relate to others (client-server-api#aggregations-of-child-events).
  const withBundles = page.more || from === null ? bundling(core, reader, timeline, request.ignoredUsers, false) : reader
  const heroIds = (): readonly string[] | undefined => (needsHeroes(core) ? heroes(core, caller.userId) : undefined)
  const lazy: LazyWindow = {
    device: `${caller.userId}\u0000${caller.deviceId ?? ''}`,
    userId: caller.userId,
    from,
    isWhole: stateFrom === null,
    at,
    to,
    filter,
    timeline,
    heroIds,
  }
  const state = withLazyMembers(core, lazy, (lazyMemberIds) =>
    stateSection(core, {
      from: stateFrom,
      at,
      to,
      timeline: request.useStateAfter ? [] : timeline.filter(({ stateKey }) => stateKey !== undefined),
      filter: filter.state,
      lazyMemberIds,
    }),
  )
  const ephemeral = request.section === 'join' ? ephemeralSection(core, caller, from, to, filter, request.ignoredUsers) : undefined
  return {
    empty: from !== null && timeline.length === 0 && !page.more && state.length === 0 && ephemeral === undefined && !isCompleted,
    timeline: timelineJson(core, page, timeline, withBundles, to, from === null && request.withMemberChanges),
    state: `{"events":${clientStateEvents(core, state, reader, false)}}`,
    ephemeral,
    summary: from === null || isCompleted || movesSummary([...timeline, ...state]) ? roomSummary(core, heroIds()) : undefined,
    memberChanges: request.withMemberChanges ? memberChanges(core, caller, from, to, visibility.membership) : undefined,
  }
}

/**
 * Left without ever having been in: an invitation that was declined or taken back, or a knock; or banned after leaving. All there is to see of the room is
 * that.
 */
function departure(core: RoomCore, visibility: Visibility, { from, to }: WindowRequest): RoomWindow {
  const event = core.currentEvent('m.room.member', visibility.userId)
  if (event?.pos === undefined || event.pos > to || (from !== null && event.pos <= from)) return EMPTY
  const page: TimelinePage = { events: [event], nextOrd: event.ord ?? 0, more: false }
  const reader: EventReader = { visibility, deviceId: undefined, nowMs: core.nowMs() }
  return { ...EMPTY, empty: false, timeline: timelineJson(core, page, [event], reader, to, false) }
}

/** The timeline of a window. A room that is new to a client which was here before is `isNew`: what the client may have of it from earlier does not connect. */
function timelineJson(
  core: RoomCore,
  page: TimelinePage,
  timeline: readonly StoredEvent[],
  reader: EventReader,
  to: number,
  isNew: boolean,
): string {
  const events = timeline.map((event) => clientEvent(core, event, reader, false)).join(',')
  // The place before the first event shown; with nothing shown, the end of the window.
  const start = page.more ? page.nextOrd : (timeline[0]?.ord ?? to * ORD_STEP + 1)
  return `{"events":[${events}],"limited":${page.more || isNew},"prev_batch":${JSON.stringify(formatPositionToken(core, start))}}`
}

function isMember({ type }: StoredEvent): boolean {
  return type === 'm.room.member'
}

/** What decides about the members that a lazily loading client needs. */
interface LazyWindow {
  readonly device: string
  readonly userId: string
  readonly from: number | null
  /** The whole state is told. */
  readonly isWhole: boolean
  /** The position whose state the client is told. */
  readonly at: number
  readonly to: number
  readonly filter: RoomFilter
  readonly timeline: readonly StoredEvent[]
  readonly heroIds: () => readonly string[] | undefined
}

/** Adds the members whom a lazily loading client needs for this timeline and summary and does not have. */
function withLazyMembers(
  core: RoomCore,
  window: LazyWindow,
  build: (lazyMemberIds: ReadonlySet<string> | undefined) => StoredEvent[],
): StoredEvent[] {
  const { device, from, isWhole, at, to, filter, timeline } = window
  if (!filter.state.lazyLoadMembers && !filter.timeline.lazyLoadMembers) return build(undefined)
  const needed = new Set(timeline.map(({ sender }) => sender))
  const addHeroes = (): void => {
    for (const userId of window.heroIds() ?? []) needed.add(userId)
  }
  if (from === null) core.lazyMembers.forget(device)
  if (isWhole) {
    needed.add(window.userId)
    addHeroes()
  }
  const section = build(needed)
  // Where members came and went or the name is gone, the summary names heroes anew.
  if (!isWhole && movesSummary([...timeline, ...section])) addHeroes()
  const isThere = new Set([...section, ...timeline].filter(isMember).map(({ stateKey }) => stateKey))
  const told = new Set(section.map(({ nid }) => nid))
  const missing = [
    ...memberEventsAt(core, needed, to).filter(({ stateKey }) => !isThere.has(stateKey)),
    // Those who spoke before they changed in the timeline are told as they were then.
    ...(at < to ? memberEventsAt(core, changedLater(timeline), at) : []).filter(({ nid }) => !told.has(nid)),
  ]
  const redundant = filter.state.includeRedundantMembers || filter.timeline.includeRedundantMembers
  const extra = redundant ? missing : core.lazyMembers.unsent(device, from ?? 0, missing)
  core.lazyMembers.note(device, to, [...section, ...extra, ...timeline].filter(isMember))
  return [...section, ...extra]
}

/** Users whose membership changes in a timeline after something else of theirs. */
function changedLater(timeline: readonly StoredEvent[]): ReadonlySet<string> {
  const [spoke, changed] = [new Set<string>(), new Set<string>()]
  for (const event of timeline) {
    const target = isMember(event) ? (event.stateKey ?? '') : undefined
    if (target !== undefined && spoke.has(target)) changed.add(target)
    // Their own change is what introduces them.
    if (target !== event.sender) spoke.add(event.sender)
  }
  return changed
}

let parsedFilter: { readonly text: string | undefined; readonly filter: RoomFilter } | undefined

/** The parsed room filter; the rooms of one sync are asked with the same text one after the other. */
function roomFilter(text: string | undefined): RoomFilter {
  if (parsedFilter === undefined || parsedFilter.text !== text) {
    const room: JsonValue = text === undefined ? {} : JSON.parse(text)
    parsedFilter = { text, filter: parseSyncFilter({ room }).room }
  }
  return parsedFilter.filter
}
