import { notFound } from '../../../matrix/errors.ts'
import type { StoredEvent } from '../../../storage/room/events.ts'
import { eventsNearTime, type TimeDirection } from '../../../storage/room/events-by-time.ts'
import { highestGap } from '../../../storage/room/gaps.ts'
import type { Caller } from '../../protocol.ts'
import { requireServerInRoom } from '../federation/server-access.ts'
import { ServerVisibility } from '../federation/server-visibility.ts'
import type { RoomCore } from '../room-core.ts'
import { Visibility } from './visibility.ts'

/** Worker → room: which event is closest to a time. */
export interface NearTimeRequest {
  /** Milliseconds since the epoch. */
  readonly ts: number
  /** `f`: at that time or later, `b`: at that time or earlier. */
  readonly direction: TimeDirection
}

/** Room → Worker: the event found. */
export interface NearTimeAnswer {
  readonly eventId: string
  readonly originServerTs: number
}

/** Room → Worker: the event found here, and the place of history that is missing and may hold a closer one. */
export interface NearTimeFound {
  readonly event: NearTimeAnswer | undefined
  readonly gapOrd: number | undefined
}

/** Events read from storage at a time. */
const PAGE = 100
/** Events that the reader may not see and that are passed over; then there is nothing near. */
const MAX_LOOKED_AT = 2000

/** The event closest to a time that a user may read (client-server-api `timestamp_to_event`). @throws MatrixError M_FORBIDDEN. */
export function eventNearTime(core: RoomCore, caller: Caller, request: NearTimeRequest): NearTimeFound {
  const visibility = new Visibility(core, caller.userId)
  visibility.requireReadable()
  const event = nearest(core, request, (found) => visibility.mayRead(found))
  // Only members have history fetched.
  return { event, gapOrd: visibility.membership === 'join' ? gapAround(core, request.ts) : undefined }
}

/** The event closest to a time that another server may read (server-server-api `timestamp_to_event`). @throws MatrixError M_FORBIDDEN, M_NOT_FOUND. */
export function eventNearTimeForServer(core: RoomCore, serverName: string, request: NearTimeRequest): NearTimeAnswer {
  requireServerInRoom(core, serverName)
  const visibility = new ServerVisibility(core, serverName)
  const event = nearest(core, request, (found) => visibility.mayRead(found))
  if (event === undefined) throw notFound('No event is near that time')
  return event
}

function nearest(core: RoomCore, { ts, direction }: NearTimeRequest, mayRead: (event: StoredEvent) => boolean): NearTimeAnswer | undefined {
  for (let looked = 0; looked < MAX_LOOKED_AT; looked += PAGE) {
    const nids = eventsNearTime(core.store, direction, ts, looked, PAGE)
    const found = core.events.getMany(nids).find(mayRead)
    if (found !== undefined) return { eventId: found.eventId, originServerTs: found.originServerTs }
    if (nids.length < PAGE) break
  }
  return undefined
}

/** Where history is missing between the last event before a time and the first one after it. */
function gapAround(core: RoomCore, ts: number): number | undefined {
  const ordOf = (direction: TimeDirection): number | undefined => {
    const [nid] = eventsNearTime(core.store, direction, ts, 0, 1)
    return nid === undefined ? undefined : core.events.get(nid).ord
  }
  const above = ordOf('f')
  return above === undefined ? undefined : highestGap(core.store, ordOf('b') ?? 0, above, core.nowMs())?.ord
}
