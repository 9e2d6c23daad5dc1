import { notFound } from '../../matrix/errors.ts'
import type { JsonObject } from '../../matrix/json.ts'
import { findEventRoom } from '../../storage/d1/event-rooms.ts'
import type { RequestContext } from '../context.ts'

/**
 * One event for another server that names no room. Where it is says the registry, or, for what is too new for that, the rooms that this server was just told of. In the
 * same words for events that there are not, and for those that the server may not know of (F13).
 * @throws MatrixError M_NOT_FOUND.
 */
export async function findEventForServer(ctx: RequestContext, serverName: string, eventId: string): Promise<JsonObject> {
  const indexed = await findEventRoom(ctx.registry, eventId)
  const roomIds = indexed === undefined ? await ctx.objects.remoteServer(serverName).recentRooms() : [indexed]
  for (const roomId of roomIds) {
    const outcome = await ctx.objects.room(roomId).eventForServer(serverName, eventId)
    if (outcome.ok) return outcome.value
  }
  throw notFound('Event not found')
}
