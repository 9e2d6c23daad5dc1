import { notFound } from '../../../matrix/errors.ts'
import { matchesEventFilter, type RoomEventFilter } from '../../../matrix/filters.ts'
import type { StoredEvent } from '../../../storage/room/events.ts'
import { ORD_STEP } from '../../../storage/room/limits.ts'
import type { Caller } from '../../protocol.ts'
import type { RoomCore } from '../room-core.ts'
import { bundling } from './bundle.ts'
import { clientEvent, clientStateEvents, type EventReader, hasUrl } from './client-event.ts'
import { eventFilter } from './messages.ts'
import { formatPositionToken } from './position-token.ts'
import { readTimeline } from './timeline.ts'
import { Visibility } from './visibility.ts'

/** Most events around the one asked for. */
const MAX_CONTEXT_EVENTS = 100

/** Worker → room: an event and what surrounds it. */
export interface ContextRequest {
  readonly eventId: string
  readonly limit: number
  /** A room event filter as JSON. */
  readonly filter: string | undefined
}

/** `GET /rooms/{roomId}/context/{eventId}` (client-server-api), as JSON text. @throws M_NOT_FOUND for events that the caller may not see. */
export function readContext(core: RoomCore, caller: Caller, request: ContextRequest): string {
  const visibility = new Visibility(core, caller.userId)
  visibility.requireReadable()
  const event = core.events.findById(request.eventId)
  if (event?.ord === undefined || !visibility.mayRead(event)) throw notFound('Event not found')
  const filter = eventFilter(request.filter)
  const limit = Math.max(0, Math.min(request.limit, MAX_CONTEXT_EVENTS))
  const ignoredUsers = caller.ignoredUsers ?? []
  const query = { filter, ignoredUsers }
  const before = readTimeline(core, visibility, {
    ...query,
    direction: 'backwards',
    afterOrd: -1,
    beforeOrd: event.ord,
    limit: Math.floor(limit / 2),
  })
  const after = readTimeline(core, visibility, {
    ...query,
    direction: 'forwards',
    afterOrd: event.ord,
    beforeOrd: Number.MAX_SAFE_INTEGER,
    limit: Math.ceil(limit / 2),
  })
  const reader: EventReader = { visibility, deviceId: caller.deviceId, nowMs: core.nowMs() }
  const shown = [...before.events, event, ...after.events]
  const withBundles = bundling(core, reader, shown, ignoredUsers, true)
  const json = (events: readonly StoredEvent[]): string =>
    `[${events.map((found) => clientEvent(core, found, withBundles, true)).join(',')}]`
  const last = after.events.at(-1) ?? event
  const state = stateAt(core, visibility, last, filter, shown)
  const start = formatPositionToken(core, before.events.length > 0 ? before.nextOrd : event.ord)
  const end = formatPositionToken(core, (last.ord ?? event.ord) + 1)
  return (
    `{"event":${clientEvent(core, event, withBundles, true)},"events_before":${json(before.events)},"events_after":${json(after.events)},` +
    `"state":${clientStateEvents(core, state, reader, true)},"start":${JSON.stringify(start)},"end":${JSON.stringify(end)}}`
  )
}

/** Numbers of the events of the state after one. History that was fetched later has never been current: its own state is what counts. */
function stateAfter(core: RoomCore, visibility: Visibility, last: StoredEvent): number[] {
  if (last.pos === undefined) return [...core.groups.all(last.groupAfter).values()]
  const pos = Math.min(Math.floor((last.ord ?? 0) / ORD_STEP), visibility.horizonPos)
  return [...core.state.at(pos, core.head.headPos).values()]
}

/** The state after the last event shown, members only of who is shown when the filter loads them lazily. */
function stateAt(
  core: RoomCore,
  visibility: Visibility,
  last: StoredEvent,
  filter: RoomEventFilter | undefined,
  shown: readonly StoredEvent[],
): StoredEvent[] {
  const senders = new Set(shown.map(({ sender }) => sender))
  return core.events.getMany(stateAfter(core, visibility, last)).filter((event) => {
    if (filter?.lazyLoadMembers && event.type === 'm.room.member') return senders.has(event.stateKey ?? '')
    if (filter === undefined) return true
    return matchesEventFilter(filter, { type: event.type, sender: event.sender, roomId: core.roomId, hasUrl: hasUrl(event) })
  })
}
