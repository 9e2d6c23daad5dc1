import { notFound } from '../../matrix/errors.ts'
import { unwrap } from '../../runtime/outcome.ts'
import { isPublicRoom } from '../../storage/d1/public-rooms.ts'
import type { RequestContext } from '../context.ts'
import { listedRoom } from '../rooms/access.ts'

/**
 * Whether a room is in this server's public directory. That there is a room which is not in it is for those to know who had to do with it.
 * @throws MatrixError M_NOT_FOUND for all other rooms, whether there are any or not.
 */
export async function isListed(ctx: RequestContext, roomId: string): Promise<boolean> {
  const access = ctx.claimedUserId === undefined ? undefined : unwrap(await ctx.roomAccess(roomId))
  if (await isPublicRoom(ctx.registry, roomId)) return true
  if (access?.membership === undefined) throw notFound('Unknown room')
  return false
}

/** Puts a room into the directory, or takes it out. @throws MatrixError M_FORBIDDEN for whoever may not change how the room is known. */
export async function setListed(ctx: RequestContext, roomId: string, listed: boolean): Promise<void> {
  const { caller } = await listedRoom(ctx, roomId)
  unwrap(await ctx.objects.room(roomId).setListed(caller, listed))
}
