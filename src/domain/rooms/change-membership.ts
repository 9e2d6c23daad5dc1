import type { MembershipRequest } from '../../durable/room/membership.ts'
import { forbidden, notFound } from '../../matrix/errors.ts'
import type { JsonObject } from '../../matrix/json.ts'
import { unwrap } from '../../runtime/outcome.ts'
import type { RequestContext } from '../context.ts'
import { findableRoom, listedRoom, type RoomAccess } from './access.ts'
import { invitedProfile, requireExistingUser } from './local-users.ts'

/** Joins a room, as far as its rules let the caller; answers the event ID. Repeating it changes nothing. */
export async function joinRoom(ctx: RequestContext, roomId: string, reason: string | undefined): Promise<string> {
  const access = await requireFindable(ctx, roomId)
  return joinWith(ctx, access, roomId, { ...access.profile, ...withReason(reason) }, false)
}

/** {@link joinRoom} with content of the client's choice. */
export async function joinWith(
  ctx: RequestContext,
  access: RoomAccess,
  roomId: string,
  content: JsonObject,
  ownContent: boolean,
): Promise<string> {
  const { caller } = access
  const request: MembershipRequest = { action: 'join', target: caller.userId, content, ownContent }
  const answer = unwrap(await ctx.objects.room(roomId).membership(caller, request))
  if ('eventId' in answer) return answer.eventId
  // The room admits members of other rooms: the caller's own list says which of them the caller is in.
  const memberOf = unwrap(await ctx.session.joinedAmong(answer.needsMembershipIn))
  const second = unwrap(await ctx.objects.room(roomId).membership(caller, { ...request, memberOf }))
  if ('eventId' in second) return second.eventId
  throw forbidden('The conditions of the room changed; try again')
}

/** Asks to be let in. */
export async function knockOnRoom(ctx: RequestContext, roomId: string, reason: string | undefined): Promise<string> {
  const access = await requireFindable(ctx, roomId)
  return change(ctx, access, roomId, {
    action: 'knock',
    target: access.caller.userId,
    content: { ...access.profile, ...withReason(reason) },
  })
}

/** Leaves a room, or declines an invitation, or withdraws a knock. */
export async function leaveRoom(ctx: RequestContext, roomId: string, reason: string | undefined): Promise<string> {
  const access = await listedRoom(ctx, roomId)
  return change(ctx, access, roomId, { action: 'leave', target: access.caller.userId, content: withReason(reason) })
}

/** Invites a user of this server. */
export async function inviteUser(ctx: RequestContext, roomId: string, target: string, reason: string | undefined): Promise<string> {
  const access = await listedRoom(ctx, roomId)
  return change(ctx, access, roomId, {
    action: 'invite',
    target,
    content: { ...(await invitedProfile(ctx, target)), ...withReason(reason) },
  })
}

/** Removes somebody, bans them, or lifts a ban. */
export async function moderateUser(
  ctx: RequestContext,
  roomId: string,
  action: 'kick' | 'ban' | 'unban',
  target: string,
  reason: string | undefined,
): Promise<string> {
  const access = await listedRoom(ctx, roomId)
  await requireExistingUser(ctx, target)
  return change(ctx, access, roomId, { action, target, content: withReason(reason) })
}

/** Makes one attempt and answers the event ID. */
export async function change(
  ctx: RequestContext,
  access: RoomAccess,
  roomId: string,
  request: Pick<MembershipRequest, 'action' | 'target' | 'content'> & { readonly ownContent?: boolean },
): Promise<string> {
  const answer = unwrap(await ctx.objects.room(roomId).membership(access.caller, { ownContent: false, ...request }))
  if ('eventId' in answer) return answer.eventId
  throw forbidden('You cannot join this room without an invitation')
}

async function requireFindable(ctx: RequestContext, roomId: string): Promise<RoomAccess> {
  const access = await findableRoom(ctx, roomId)
  if (access === undefined) throw notFound('There is no such room on this server')
  return access
}

function withReason(reason: string | undefined): JsonObject {
  return reason === undefined ? {} : { reason }
}
