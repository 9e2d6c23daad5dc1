import { notFound } from '../../../matrix/errors.ts'
import type { JsonObject } from '../../../matrix/json.ts'
import { isPlaced, type StoredEvent, toPdu } from '../../../storage/room/events.ts'
import type { RoomCore } from '../room-core.ts'
import { MAX_BACKFILL_EVENTS, MAX_EARLIEST_EVENTS, MAX_MISSING_EVENTS, MAX_START_EVENTS, MAX_WALKED_EVENTS } from './limits.ts'
import { requireServerInRoom } from './server-access.ts'
import { ServerVisibility } from './server-visibility.ts'

/** Worker → room: what another server wants of the graph between two sets of events (server-server-api `get_missing_events`). */
export interface MissingEventsRequest {
  readonly earliest: readonly string[]
  readonly latest: readonly string[]
  readonly limit: number
  readonly minDepth: number
}

/**
 * One event for another server (server-server-api `GET /event/{eventId}`). Rejected and soft-failed events, and outliers that are no state, are as good as unknown (F14).
 * @throws MatrixError M_FORBIDDEN for servers that are not in the room; M_NOT_FOUND.
 */
export function eventForServer(core: RoomCore, serverName: string, eventId: string): JsonObject {
  requireServerInRoom(core, serverName)
  const event = core.events.findById(eventId)
  // State that came with a join, or for an event's sake, is told in answers about state anyway.
  if (event?.status === 'outlier' && event.stateKey !== undefined) return toPdu(event, core.roomId)
  if (event === undefined || event.status !== 'accepted') throw notFound('Event not found')
  return new ServerVisibility(core, serverName).pdu(event)
}

/** Events before others, newest first, the given ones included (server-server-api `GET /backfill/{roomId}`). Of very many, the first are heeded. */
export function backfillForServer(core: RoomCore, serverName: string, eventIds: readonly string[], limit: number): JsonObject[] {
  requireServerInRoom(core, serverName)
  const visibility = new ServerVisibility(core, serverName)
  const wanted = Math.max(1, Math.min(limit, MAX_BACKFILL_EVENTS))
  return walkBack(core, eventIds.slice(0, MAX_START_EVENTS), wanted, () => true).map((event) => visibility.pdu(event))
}

/**
 * Events between two sets of events, oldest first, neither included (server-server-api `POST /get_missing_events/{roomId}`). Of very many that
 * are named the first are heeded, never is the question refused: a server names all ends of its graph, and gives up an event whose predecessors
 * it is not told.
 */
export function missingEventsForServer(core: RoomCore, serverName: string, request: MissingEventsRequest): JsonObject[] {
  requireServerInRoom(core, serverName)
  const visibility = new ServerVisibility(core, serverName)
  const earliest = new Set(request.earliest.slice(0, MAX_EARLIEST_EVENTS))
  const wanted = Math.max(1, Math.min(request.limit, MAX_MISSING_EVENTS))
  const starts = request.latest.slice(0, MAX_START_EVENTS).flatMap((id) => {
    const event = core.events.findById(id)
    return event === undefined || !isPlaced(event) ? [] : core.roomEvent(event, core.roomId).prevEvents
  })
  const found = walkBack(core, starts, wanted, (event) => !earliest.has(event.eventId) && event.depth >= request.minDepth)
  return found.reverse().map((event) => visibility.pdu(event))
}

/**
 * Events from some back along `prev_events`, the deepest next, as far as `isWithin` and the limit go. Rejected and soft-failed events are
 * walked through but not answered; outliers have no place in the graph.
 */
function walkBack(core: RoomCore, starts: readonly string[], limit: number, isWithin: (event: StoredEvent) => boolean): StoredEvent[] {
  const found: StoredEvent[] = []
  const seen = new Set<string>()
  const frontier: StoredEvent[] = []
  const add = (eventId: string): void => {
    if (seen.has(eventId)) return
    seen.add(eventId)
    const event = core.events.findById(eventId)
    if (event !== undefined && isPlaced(event) && isWithin(event)) frontier.push(event)
  }
  for (const eventId of starts) add(eventId)
  for (let walked = 0; walked < MAX_WALKED_EVENTS && found.length < limit; walked += 1) {
    let deepest = 0
    for (let index = 1; index < frontier.length; index += 1) if (isDeeper(frontier[index], frontier[deepest])) deepest = index
    const [event] = frontier.splice(deepest, 1)
    if (event === undefined) break
    if (event.status === 'accepted') found.push(event)
    for (const eventId of core.roomEvent(event, core.roomId).prevEvents) add(eventId)
  }
  return found
}

function isDeeper(left: StoredEvent | undefined, right: StoredEvent | undefined): boolean {
  if (left === undefined || right === undefined) return false
  return left.depth === right.depth ? (left.ord ?? 0) > (right.ord ?? 0) : left.depth > right.depth
}
