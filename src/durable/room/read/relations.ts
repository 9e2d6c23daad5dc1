import { notFound } from '../../../matrix/errors.ts'
import type { StoredEvent } from '../../../storage/room/events.ts'
import { MAX_PAGE_EVENTS, MAX_SCANNED_EVENTS, RELATION_DEPTH } from '../../../storage/room/limits.ts'
import type { RelationQuery } from '../../../storage/room/relations.ts'
import type { Caller } from '../../protocol.ts'
import type { RoomCore } from '../room-core.ts'
import { bundling } from './bundle.ts'
import { clientEvent } from './client-event.ts'
import { place } from './messages.ts'
import { formatPositionToken } from './position-token.ts'
import { Visibility } from './visibility.ts'

/** Rows read at a time; where indirect relations are followed, as many more than are wanted, because each time costs a look at all of them. */
const SCAN_PAGE = 64

/** Worker → room: events that relate to another. */
export interface RelationsRequest {
  readonly eventId: string
  readonly relType: string | undefined
  readonly eventType: string | undefined
  /** Tokens as `/messages` takes them. */
  readonly from: string | undefined
  readonly to: string | undefined
  readonly dir: 'b' | 'f'
  readonly limit: number
  /** Whether indirect relations are wanted; `undefined` where the client did not say. */
  readonly recurse: boolean | undefined
}

/**
 * `GET /rooms/{roomId}/relations/{eventId}…` (client-server-api#relationships-api): a page of children as JSON text, in the room's order, which is that of
 * `/messages`. @throws M_NOT_FOUND for a parent that the caller may not see.
 */
export function readRelations(core: RoomCore, caller: Caller, request: RelationsRequest): string {
  const visibility = new Visibility(core, caller.userId)
  const parent = core.events.findById(request.eventId)
  if (parent === undefined || !visibility.mayRead(parent)) throw notFound('Event not found')
  const backwards = request.dir === 'b'
  const from = request.from === undefined ? undefined : place(core, request.from)
  const to = request.to === undefined ? undefined : place(core, request.to)
  const ignoredUsers = caller.ignoredUsers ?? []
  const page = readPage(core, (event) => !isIgnored(event, ignoredUsers) && visibility.mayRead(event), {
    ...{ parent: parent.eventId, relType: request.relType, eventType: request.eventType, recurse: request.recurse ?? false },
    direction: backwards ? 'backwards' : 'forwards',
    afterOrd: ((backwards ? to : from) ?? 0) - 1,
    beforeOrd: (backwards ? from : to) ?? Number.MAX_SAFE_INTEGER,
    limit: Math.max(1, Math.min(request.limit, MAX_PAGE_EVENTS)),
  })
  const reader = bundling(core, { visibility, deviceId: caller.deviceId, nowMs: core.nowMs() }, page.events, ignoredUsers, true)
  const parts = [`"chunk":[${page.events.map((event) => clientEvent(core, event, reader, true)).join(',')}]`]
  if (page.nextOrd !== undefined) {
    parts.push(`"next_batch":${JSON.stringify(formatPositionToken(core, backwards ? page.nextOrd : page.nextOrd + 1))}`)
  }
  // Where the client began by itself there is nothing before.
  if (from !== undefined) parts.push(`"prev_batch":${JSON.stringify(formatPositionToken(core, from))}`)
  if (request.recurse !== undefined) parts.push(`"recursion_depth":${request.recurse ? RELATION_DEPTH : 0}`)
  return `{${parts.join(',')}}`
}

interface RelationsPage {
  readonly events: readonly StoredEvent[]
  /** The place of the last row looked at; `undefined` where there is nothing more. */
  readonly nextOrd: number | undefined
}

/** Children that are wanted. As in timelines (timeline.ts) a stretch of hidden ones ends a page early, and never the pagination (E17). */
function readPage(core: RoomCore, isWanted: (event: StoredEvent) => boolean, query: RelationQuery): RelationsPage {
  const backwards = query.direction === 'backwards'
  const events: StoredEvent[] = []
  let { afterOrd, beforeOrd } = query
  for (let scanned = 0; scanned < MAX_SCANNED_EVENTS; ) {
    const wanted = query.limit - events.length + 1
    const limit = query.recurse ? wanted + SCAN_PAGE : Math.min(SCAN_PAGE, wanted)
    const rows = core.events.relations.page({ ...query, afterOrd, beforeOrd, limit })
    const found = core.events.getMany(rows.map(({ nid }) => nid))
    for (const event of found) {
      const isRepeated = event.ord === (backwards ? beforeOrd : afterOrd)
      const isShown = !isRepeated && isWanted(event)
      if (isShown && events.length >= query.limit) return { events, nextOrd: backwards ? beforeOrd : afterOrd }
      if (isShown) events.push(event)
      if (backwards) beforeOrd = event.ord ?? beforeOrd
      else afterOrd = event.ord ?? afterOrd
    }
    if (rows.length < limit) return { events, nextOrd: undefined }
    scanned += rows.length
  }
  return { events, nextOrd: backwards ? beforeOrd : afterOrd }
}

/** State events of ignored users are shown (client-server-api#ignoring-users). */
function isIgnored({ sender, stateKey }: StoredEvent, ignoredUsers: readonly string[]): boolean {
  return stateKey === undefined && ignoredUsers.includes(sender)
}
