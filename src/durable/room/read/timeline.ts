import { matchesEventFilter, type RoomEventFilter } from '../../../matrix/filters.ts'
import { relationOf } from '../../../matrix/relations.ts'
import type { StoredEvent } from '../../../storage/room/events.ts'
import { highestGap } from '../../../storage/room/gaps.ts'
import { MAX_SCANNED_EVENTS } from '../../../storage/room/limits.ts'
import type { RoomCore } from '../room-core.ts'
import { hasUrl } from './client-event.ts'
import type { Visibility } from './visibility.ts'

/** Events read from storage at a time. */
const SCAN_PAGE = 64
/** Related events looked at to find one that the reader may see: the latest. */
const MAX_RELATED_LOOKED_AT = 32

/** One page of a room's timeline as a reader may see it. */
export interface TimelinePage {
  /** In the order of reading: newest first when reading backwards. */
  readonly events: readonly StoredEvent[]
  /** Where to go on, exclusive, in the direction of reading. */
  readonly nextOrd: number
  /** False when the bound was reached: nothing more in this direction. */
  readonly more: boolean
  /** The page ended at a gap right below this place. */
  readonly gapOrd?: number
}

/** What to read: strictly between two places, in one direction, at most `limit` events that pass. */
export interface TimelineQuery {
  readonly direction: 'backwards' | 'forwards'
  readonly afterOrd: number
  readonly beforeOrd: number
  readonly limit: number
  readonly filter: RoomEventFilter | undefined
  readonly ignoredUsers: readonly string[]
  /**
   * What ends a page that is read backwards, besides its limit. `fillable-gap`: history is missing below the last event and may be fetched now. `live-end`:
   * any gap, and what was put into one, because that is no part of what happened while clients were listening.
   */
  readonly endsAt?: 'fillable-gap' | 'live-end'
}

/**
 * Reads what a reader may see and asked for. Hidden and filtered events are passed over, at most {@link MAX_SCANNED_EVENTS} of them; then the page
 * ends early with a place to go on from, so that a stretch of hidden events never ends pagination (E17).
 */
export function readTimeline(core: RoomCore, visibility: Visibility, query: TimelineQuery): TimelinePage {
  const backwards = query.direction === 'backwards'
  const events: StoredEvent[] = []
  let { afterOrd, beforeOrd } = query
  const gapOrd = gapWithin(core, query)
  // The event that names what is missing is still read.
  if (gapOrd !== undefined) afterOrd = gapOrd - 1
  for (let scanned = 0; scanned < MAX_SCANNED_EVENTS; ) {
    // One more than is wanted tells whether there is more without another look.
    const page = core.events.page(query.direction, afterOrd, beforeOrd, Math.min(SCAN_PAGE, Math.max(16, query.limit - events.length + 1)))
    for (const event of page) {
      if (query.endsAt === 'live-end' && event.pos === undefined) return { events, nextOrd: beforeOrd, more: true }
      const wanted = isWanted(core, visibility, query, event)
      if (wanted && events.length >= query.limit) return { events, nextOrd: backwards ? beforeOrd : afterOrd, more: true }
      if (wanted) events.push(event)
      if (backwards) beforeOrd = event.ord ?? beforeOrd
      else afterOrd = event.ord ?? afterOrd
    }
    if (page.length === 0 && gapOrd !== undefined) return { events, nextOrd: gapOrd, more: true, gapOrd }
    if (page.length === 0) return { events, nextOrd: backwards ? beforeOrd : afterOrd, more: false }
    scanned += page.length
  }
  return { events, nextOrd: backwards ? beforeOrd : afterOrd, more: true }
}

/** Where the highest gap in reach is, as far as it ends the page. */
function gapWithin(core: RoomCore, { direction, endsAt, afterOrd, beforeOrd }: TimelineQuery): number | undefined {
  if (direction !== 'backwards' || endsAt === undefined) return undefined
  const tryableUntil = endsAt === 'live-end' ? Number.MAX_SAFE_INTEGER : core.nowMs()
  return highestGap(core.store, Math.max(afterOrd, 0), beforeOrd, tryableUntil)?.ord
}

function isWanted(core: RoomCore, visibility: Visibility, query: TimelineQuery, event: StoredEvent): boolean {
  if (event.stateKey === undefined && query.ignoredUsers.includes(event.sender)) return false
  const { filter } = query
  if (filter !== undefined) {
    const url = filter.containsUrl === undefined ? undefined : hasUrl(event)
    if (!matchesEventFilter(filter, { type: event.type, sender: event.sender, roomId: core.roomId, hasUrl: url })) return false
  }
  return (
    visibility.mayRead(event) &&
    (filter === undefined || (relatesAsWanted(core, event, filter) && isRelatedTo(core, visibility, event, filter)))
  )
}

/** Whether the event relates to another in a way that the filter wants. */
function relatesAsWanted(core: RoomCore, event: StoredEvent, { relTypes, notRelTypes }: RoomEventFilter): boolean {
  if (relTypes === undefined && notRelTypes === undefined) return true
  const relType = relationOf(core.roomEvent(event, core.roomId).content)?.relType
  if (relType === undefined) return relTypes === undefined
  return relTypes?.includes(relType) !== false && notRelTypes?.includes(relType) !== true
}

/** Whether the filter's wish for related events is met, by one that the reader may see. */
function isRelatedTo(
  core: RoomCore,
  visibility: Visibility,
  event: StoredEvent,
  { relatedByRelTypes, relatedBySenders }: RoomEventFilter,
): boolean {
  if (relatedByRelTypes === undefined && relatedBySenders === undefined) return true
  const nids = core.events.relations.relatedBy(
    event.eventId,
    relatedByRelTypes,
    relatedBySenders,
    visibility.seesEverything ? 1 : MAX_RELATED_LOOKED_AT,
  )
  return core.events.getMany(nids).some((related) => visibility.mayRead(related))
}
