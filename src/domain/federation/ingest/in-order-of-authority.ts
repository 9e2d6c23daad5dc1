import type { RoomEvent } from '../../../matrix/events/room-event.ts'

/** The events without repetitions, each after those of its auth events that are among them. */
export function inOrderOfAuthority(events: readonly RoomEvent[]): RoomEvent[] {
  const byId = new Map(events.map((event) => [event.eventId, event]))
  const ordered: RoomEvent[] = []
  const seen = new Set<string>()
  for (const start of byId.values()) {
    const stack = [{ event: start, next: 0 }]
    if (seen.has(start.eventId)) continue
    seen.add(start.eventId)
    for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
      const id = top.event.authEvents[top.next]
      top.next += 1
      if (id === undefined) {
        ordered.push(top.event)
        stack.pop()
        continue
      }
      const authEvent = byId.get(id)
      if (authEvent === undefined || seen.has(id)) continue
      seen.add(id)
      stack.push({ event: authEvent, next: 0 })
    }
  }
  // The create event is implied from version 12 on, and so comes first.
  return [...ordered.filter(({ type }) => type === 'm.room.create'), ...ordered.filter(({ type }) => type !== 'm.room.create')]
}
