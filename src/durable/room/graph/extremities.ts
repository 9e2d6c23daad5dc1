import { isPlaced, type StoredEvent } from '../../../storage/room/events.ts'
import type { RoomCore } from '../room-core.ts'

/** Rejected and soft-failed events walked through to find which extremities an event builds on. */
const MAX_WALKED = 100

/**
 * The ends of the graph that are left when an event builds on others, the event itself not included. Rejected and soft-failed events are no ends and
 * do not hide those that they build on: whoever builds on them builds on what is below (server-server-api#soft-failure).
 */
export function extremitiesAfter(core: RoomCore, extremities: readonly number[], prev: readonly StoredEvent[]): number[] {
  const consumed = new Set<number>()
  const stack = [...prev]
  for (let walked = 0; walked < MAX_WALKED; walked += 1) {
    const event = stack.pop()
    if (event === undefined) break
    if (consumed.has(event.nid)) continue
    consumed.add(event.nid)
    if (event.status === 'accepted') continue
    for (const eventId of core.roomEvent(event, core.roomId).prevEvents) {
      const below = core.events.findById(eventId)
      if (below !== undefined && isPlaced(below)) stack.push(below)
    }
  }
  return extremities.filter((nid) => !consumed.has(nid))
}
