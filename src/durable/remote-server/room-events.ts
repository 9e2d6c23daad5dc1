import type { Env } from '../../runtime/bindings.ts'
import { objectsOf } from '../objects.ts'
import type { RoomEvents } from './parts.ts'

/** A room as a source of events for other servers. The room has named itself, so its object exists. */
export function roomEventsOf(env: Env, roomId: string): RoomEvents {
  return {
    eventsForServer: (serverName, fromPos, limit) => objectsOf(env, undefined).room(roomId).eventsForServer(serverName, fromPos, limit),
  }
}
