import { parseRoomId } from '../../matrix/ids/room-id.ts'
import type { JsonObject } from '../../matrix/json.ts'
import { unwrap } from '../../runtime/outcome.ts'
import type { RequestContext } from '../context.ts'
import { type AskingBudget, type RemoteRoom, remoteRoom } from './remote-summary.ts'
import { callerIsInOneOf, type ViewedRoom, viewRoom } from './viewed-room.ts'

/** A room for the caller, and what another server said of the rooms below it. */
export interface FoundRoom extends ViewedRoom {
  readonly remote: RemoteRoom | undefined
}

/** A room of this server or of others for the caller; `undefined` where they may not know of it, or nobody tells. */
export async function findRoom(
  ctx: RequestContext,
  roomId: string,
  via: readonly string[],
  budget: AskingBudget,
): Promise<FoundRoom | undefined> {
  const viewed = await viewRoom(ctx, roomId, { userId: ctx.claimedUserId ?? '' }, callerIsInOneOf(ctx))
  if (viewed !== undefined) return viewed === 'denied' ? undefined : { ...viewed, remote: undefined }
  const remote = await remoteRoom(ctx, roomId, [...via, parseRoomId(roomId)?.serverName], budget)
  if (remote === undefined || !(await mayKnow(ctx, remote.summary))) return undefined
  return { summary: remote.summary, children: remote.children, membership: await membershipIn(ctx, roomId), remote }
}

/** Whether the caller may know of a room that another server has described: that one answers for all users of this server. */
export async function mayKnow(ctx: RequestContext, summary: JsonObject): Promise<boolean> {
  const { join_rule: rule = 'public', world_readable: worldReadable, allowed_room_ids: allowed, room_id: roomId } = summary
  if (rule === 'public' || rule === 'knock' || rule === 'knock_restricted' || worldReadable === true) return true
  const membership = typeof roomId === 'string' ? await membershipIn(ctx, roomId) : undefined
  if (membership === 'join' || membership === 'invite') return true
  const rooms = Array.isArray(allowed) ? allowed.filter((id): id is string => typeof id === 'string') : []
  return callerIsInOneOf(ctx)(rooms)
}

async function membershipIn(ctx: RequestContext, roomId: string): Promise<string | undefined> {
  return ctx.claimedUserId === undefined ? undefined : unwrap(await ctx.roomAccess(roomId)).membership
}
