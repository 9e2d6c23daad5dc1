import { parseRoomEventFilter, type RoomEventFilter } from '../../../matrix/filters.ts'
import type { JsonValue } from '../../../matrix/json.ts'
import type { StoredEvent } from '../../../storage/room/events.ts'
import { MAX_PAGE_EVENTS, ORD_STEP } from '../../../storage/room/limits.ts'
import type { Caller } from '../../protocol.ts'
import type { RoomCore } from '../room-core.ts'
import { memberEvents, memberEventsAt } from '../sync/lazy-members.ts'
import { bundling } from './bundle.ts'
import { clientEvent, clientStateEvents, type EventReader } from './client-event.ts'
import { formatPositionToken, parsePositionToken } from './position-token.ts'
import { readTimeline } from './timeline.ts'
import { Visibility } from './visibility.ts'

/** Worker → room: a page of history. */
export interface MessagesRequest {
  /** A position token, or `pos:<number>` where the Worker resolved a sync token; absent: from the end (backwards) or the start. */
  readonly from: string | undefined
  readonly to: string | undefined
  readonly dir: 'b' | 'f'
  readonly limit: number
  /** A room event filter as JSON. */
  readonly filter: string | undefined
  /** Read on below history that is missing and cannot be had now. */
  readonly skipGaps?: boolean
}

/** Room → Worker: a page of history. */
export interface MessagesPage {
  /** The response as JSON text. */
  readonly json: string
  readonly isEmpty: boolean
  /** The page ended, with less than was asked for, where history is missing right below this place: it may be fetched. */
  readonly gapOrd: number | undefined
}

/** `GET /rooms/{roomId}/messages` (client-server-api): a page of what the caller may see. */
export function readMessages(core: RoomCore, caller: Caller, request: MessagesRequest): MessagesPage {
  const visibility = new Visibility(core, caller.userId)
  visibility.requireReadable()
  const ignoredUsers = caller.ignoredUsers ?? []
  const backwards = request.dir === 'b'
  const endOrd = Math.min(core.lastPos, visibility.horizonPos) * ORD_STEP + 1
  const from = request.from === undefined ? (backwards ? endOrd : 0) : place(core, request.from)
  const to = request.to === undefined ? undefined : place(core, request.to)
  const filter = eventFilter(request.filter)
  const page = readTimeline(core, visibility, {
    direction: backwards ? 'backwards' : 'forwards',
    afterOrd: (backwards ? (to ?? 0) : from) - 1,
    beforeOrd: backwards ? Math.min(from, endOrd) : (to ?? Number.MAX_SAFE_INTEGER),
    limit: Math.max(1, Math.min(request.limit, MAX_PAGE_EVENTS)),
    filter,
    ignoredUsers,
    // Only members have history fetched: others would make this server work for nothing.
    ...(visibility.membership === 'join' && request.skipGaps !== true ? { endsAt: 'fillable-gap' as const } : {}),
  })
  const reader: EventReader = { visibility, deviceId: caller.deviceId, nowMs: core.nowMs() }
  const withBundles = bundling(core, reader, page.events, ignoredUsers, true)
  const chunk = page.events.map((event) => clientEvent(core, event, withBundles, true)).join(',')
  const members = filter?.lazyLoadMembers ? lazyState(core, page.events, reader) : ''
  // Without more to read there is no `end`: clients stop there.
  const end = page.more ? `,"end":${JSON.stringify(formatPositionToken(core, backwards ? page.nextOrd : page.nextOrd + 1))}` : ''
  const start = request.from !== undefined && !request.from.startsWith('pos:') ? request.from : formatPositionToken(core, from)
  const json = `{"chunk":[${chunk}],"start":${JSON.stringify(start)}${end}${members}}`
  return { json, isEmpty: page.events.length === 0, gapOrd: page.gapOrd }
}

/**
 * Members who sent what is on a page: all of them every time, because nobody says whether the page before has arrived. As they were when the reader left,
 * for readers who have left.
 */
function lazyState(core: RoomCore, events: readonly StoredEvent[], reader: EventReader): string {
  const senders = events.map(({ sender }) => sender)
  const { membership, horizonPos } = reader.visibility
  const members = membership === 'join' ? memberEvents(core, senders) : memberEventsAt(core, senders, horizonPos)
  return `,"state":${clientStateEvents(core, members, reader, true)}`
}

/**
 * The place that a token names: backwards from there comes what is below it, forwards what is not. `pos:` comes from the Worker, for sync tokens:
 * everything up to the position has been seen.
 */
export function place(core: RoomCore, token: string): number {
  if (token.startsWith('pos:')) return Number(token.slice(4)) * ORD_STEP + 1
  return parsePositionToken(core, token)
}

/** A filter given as JSON text. */
export function eventFilter(text: string | undefined): RoomEventFilter | undefined {
  if (text === undefined) return undefined
  const json: JsonValue = JSON.parse(text)
  return parseRoomEventFilter(json)
}
