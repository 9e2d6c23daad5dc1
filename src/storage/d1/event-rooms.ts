import type { Registry } from './open.ts'

/** The room of an event, as far as its room has reported it. */
export async function findEventRoom(registry: Registry, eventId: string): Promise<string | undefined> {
  const row = await registry.sql
    .prepare('SELECT rooms.room_id AS roomId FROM event_rooms JOIN rooms USING (room_number) WHERE event_id = ?')
    .bind(eventId)
    .first<{ roomId: string }>()
  return row?.roomId
}
