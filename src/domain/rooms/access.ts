import type { Caller } from '../../durable/protocol.ts'
import { forbidden, invalidParam } from '../../matrix/errors.ts'
import { isRoomId } from '../../matrix/ids/room-id.ts'
import type { Membership } from '../../matrix/membership.ts'
import type { MemberProfile } from '../../matrix/room-creation/room-plan.ts'
import { unwrap } from '../../runtime/outcome.ts'
import { roomExists } from '../../storage/d1/rooms.ts'
import type { RequestContext } from '../context.ts'

/** What the caller's own account says about a room, from the request's first hop. */
export interface RoomAccess {
  readonly caller: Caller
  /** `undefined`: the caller's list does not name the room. */
  readonly membership: Membership | undefined
  /** Who set the membership, e.g. the inviter. */
  readonly setBy: string | undefined
  /** What membership events of the caller carry. */
  readonly profile: MemberProfile
}

/**
 * Access to a room that the caller's list names, so that its object may be called. Everything else about it the room decides itself.
 * @throws MatrixError M_FORBIDDEN for all other names, whether there is such a room or not; no object is named for them.
 */
export async function listedRoom(ctx: RequestContext, roomId: string): Promise<RoomAccess> {
  const access = unwrap(await ctx.roomAccess(roomId))
  if (access.membership === undefined) throw forbidden('You are not in this room')
  return access
}

/** Access to a room that the caller may have no part in yet, or `undefined` where this server has none of that name. */
export async function findableRoom(ctx: RequestContext, roomId: string): Promise<RoomAccess | undefined> {
  const access = unwrap(await ctx.roomAccess(roomId))
  if (access.membership !== undefined) return access
  return isRoomId(roomId) && (await roomExists(ctx.registry, roomId)) ? access : undefined
}

/** What the caller's account says about a room, wherever it is. @throws MatrixError M_INVALID_PARAM for what is no room ID. */
export async function roomAccess(ctx: RequestContext, roomId: string): Promise<RoomAccess> {
  if (!isRoomId(roomId)) throw invalidParam('That is not a room ID')
  return unwrap(await ctx.roomAccess(roomId))
}

/** Whether this server has a room of that name. */
export function isRegistered(ctx: RequestContext, roomId: string): Promise<boolean> {
  return roomExists(ctx.registry, roomId)
}

/** Reads as nobody in particular: no room ever had a member of this name. */
const STRANGER = ''

/**
 * Who reads a room. Those whose list does not name it, or who forgot it, read as strangers: nothing, unless the room is world readable
 * (client-server-api#room-history-visibility, #leaving-rooms).
 * @throws MatrixError M_FORBIDDEN where this server has no such room.
 */
export async function readableRoom(ctx: RequestContext, roomId: string): Promise<Caller> {
  const access = await findableRoom(ctx, roomId)
  if (access === undefined) throw forbidden('You are not in this room')
  return access.membership === undefined ? { ...access.caller, userId: STRANGER } : access.caller
}
