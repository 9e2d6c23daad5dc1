import type { Viewer } from '../../durable/room/directory/space-answer.ts'
import { MatrixError } from '../../matrix/errors.ts'
import { isRoomId } from '../../matrix/ids/room-id.ts'
import type { JsonObject } from '../../matrix/json.ts'
import { unwrap } from '../../runtime/outcome.ts'
import { roomExists } from '../../storage/d1/rooms.ts'
import type { RequestContext } from '../context.ts'
import { MAX_ALLOWED_LOOKED_AT } from './limits.ts'

/** A room that somebody may know of. */
export interface ViewedRoom {
  readonly summary: JsonObject
  /** Events that name the children of a space, in order. */
  readonly children: readonly JsonObject[]
  /** A user's membership. */
  readonly membership: string | undefined
}

/** Says whether a viewer is in one of some rooms. */
export type IsInOneOf = (roomIds: readonly string[]) => Promise<boolean>

/**
 * A room of this server as a viewer sees it; `denied` where they may not know of it, `undefined` where nobody here is in it, so that other servers must be asked.
 */
export async function viewRoom(
  ctx: RequestContext,
  roomId: string,
  viewer: Viewer,
  isInOneOf: IsInOneOf,
): Promise<ViewedRoom | 'denied' | undefined> {
  if (!isRoomId(roomId) || !(await roomExists(ctx.registry, roomId))) return undefined
  const outcome = await ctx.objects.room(roomId).spaceAnswer(viewer)
  if (!outcome.ok) {
    if (outcome.error.errcode === 'M_NOT_FOUND') return undefined
    throw MatrixError.fromShape(outcome.error)
  }
  const { access, summary, children, membership } = outcome.value
  const isGranted = access === 'granted' || (typeof access === 'object' && (await isInOneOf(access.needsMembershipIn)))
  return isGranted ? { summary, children, membership } : 'denied'
}

/** {@link IsInOneOf} for the caller, as their own list says. */
export function callerIsInOneOf(ctx: RequestContext): IsInOneOf {
  return async (roomIds) =>
    ctx.claimedUserId !== undefined && roomIds.length > 0 && unwrap(await ctx.session.joinedAmong(roomIds)).length > 0
}

/** {@link IsInOneOf} for another server: a user of it must be in a room that this server has. */
export function serverIsInOneOf(ctx: RequestContext, serverName: string): IsInOneOf {
  return async (roomIds) => {
    for (const roomId of roomIds.slice(0, MAX_ALLOWED_LOOKED_AT)) {
      if ((await roomExists(ctx.registry, roomId)) && (await ctx.objects.room(roomId).hasServer(serverName))) return true
    }
    return false
  }
}
