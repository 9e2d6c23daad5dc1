import type { RoomEvent } from '../../../matrix/events/room-event.ts'

/** Events that some lead to along `prev_events`, they themselves included, as far as they are among those given. */
export function reachableFrom(starts: readonly string[], events: ReadonlyMap<string, RoomEvent>): RoomEvent[] {
  const reached = new Map<string, RoomEvent>()
  const stack = [...starts]
  for (let eventId = stack.pop(); eventId !== undefined; eventId = stack.pop()) {
    const event = events.get(eventId)
    if (event === undefined || reached.has(eventId)) continue
    reached.set(eventId, event)
    stack.push(...event.prevEvents)
  }
  return [...reached.values()]
}

/**
 * Events so that each comes after those of its predecessors that are among them. What neither builds on the other is ordered by what the events say of
 * themselves (depth, time), then by ID: the same everywhere, whatever the order in which they came.
 */
export function olderFirst(events: readonly RoomEvent[]): RoomEvent[] {
  const waiting = new Map(events.map((event) => [event.eventId, event]))
  const ordered: RoomEvent[] = []
  const candidates = [...events].sort(
    (left, right) => left.depth - right.depth || left.originServerTs - right.originServerTs || (left.eventId < right.eventId ? -1 : 1),
  )
  while (waiting.size > 0) {
    const next = candidates.find(({ eventId, prevEvents }) => waiting.has(eventId) && !prevEvents.some((id) => waiting.has(id)))
    if (next === undefined) break
    waiting.delete(next.eventId)
    candidates.splice(candidates.indexOf(next), 1)
    ordered.push(next)
  }
  return ordered
}
