import { notFound } from '../../matrix/errors.ts'
import type { JsonObject } from '../../matrix/json.ts'
import { findEventRoom } from '../../storage/d1/event-rooms.ts'
import type { RequestContext } from '../context.ts'

/**
 * One event for another server that names no room. It is looked for in the rooms that this server was just told of or has just asked about, which has what is too new for the
 * registry, and state that the registry is not told of; then where the registry says that it is. In the same words for events that there are not, and for those that the server
 * may not know of (F13). @throws MatrixError M_NOT_FOUND.
 */
export async function findEventForServer(ctx: RequestContext, serverName: string, eventId: string): Promise<JsonObject> {
  const recent = await ctx.objects.remoteServer(serverName).recentRooms()
  for (const roomId of recent) {
    const outcome = await ctx.objects.room(roomId).eventForServer(serverName, eventId)
    if (outcome.ok) return outcome.value
  }
  const indexed = await findEventRoom(ctx.registry, eventId)
  if (indexed !== undefined && !recent.includes(indexed)) {
    const outcome = await ctx.objects.room(indexed).eventForServer(serverName, eventId)
    if (outcome.ok) return outcome.value
  }
  throw notFound('Event not found')
}

/** Remembers that a server asks about a room: it may go on with events of it by ID. Costs the request nothing. */
export function noteAskedAbout(ctx: RequestContext, serverName: string, roomId: string): void {
  ctx.waitUntil(ctx.objects.remoteServer(serverName).noteRoom(roomId))
}
