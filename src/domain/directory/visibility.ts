import { notFound } from '../../matrix/errors.ts'
import { isRoomId } from '../../matrix/ids/room-id.ts'
import { unwrap } from '../../runtime/outcome.ts'
import { isPublicRoom } from '../../storage/d1/public-rooms.ts'
import type { RequestContext } from '../context.ts'
import { isRegistered, listedRoom } from '../rooms/access.ts'

/** Whether a room is in this server's public directory. @throws MatrixError M_NOT_FOUND where there is no such room. */
export async function isListed(ctx: RequestContext, roomId: string): Promise<boolean> {
  if (await isPublicRoom(ctx.registry, roomId)) return true
  if (!isRoomId(roomId) || !(await isRegistered(ctx, roomId))) throw notFound('Unknown room')
  return false
}

/** Puts a room into the directory, or takes it out. @throws MatrixError M_FORBIDDEN for whoever may not change how the room is known. */
export async function setListed(ctx: RequestContext, roomId: string, listed: boolean): Promise<void> {
  const { caller } = await listedRoom(ctx, roomId)
  unwrap(await ctx.objects.room(roomId).setListed(caller, listed))
}
