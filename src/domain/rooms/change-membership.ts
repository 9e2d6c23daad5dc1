import type { MembershipAnswer, MembershipRequest } from '../../durable/room/membership.ts'
import { forbidden, MatrixError, notFound } from '../../matrix/errors.ts'
import { parseRoomId } from '../../matrix/ids/room-id.ts'
import { parseUserId } from '../../matrix/ids/user-id.ts'
import type { JsonObject } from '../../matrix/json.ts'
import { unwrap } from '../../runtime/outcome.ts'
import type { RequestContext } from '../context.ts'
import { inviteRemoteUser } from '../federation/invite-remote-user.ts'
import { joinRemoteRoom } from '../federation/join/join-remote-room.ts'
import { joinThroughResident } from '../federation/join/join-through-resident.ts'
import { MAX_CANDIDATE_SERVERS } from '../federation/limits.ts'
import { candidateServers } from '../federation/membership-handshake.ts'
import { knockOnRemoteRoom, leaveRemoteRoom } from '../federation/remote-membership.ts'
import { isRegistered, listedRoom, type RoomAccess, roomAccess } from './access.ts'
import { invitedProfile, requireExistingUser, serverOfUser } from './local-users.ts'

/**
 * Joins a room, as far as its rules let the caller; answers the event ID. Repeating it changes nothing.
 * @param given what the event says beside the membership and the profile, e.g. a reason.
 */
export async function joinRoom(ctx: RequestContext, roomId: string, given: JsonObject, via: readonly string[] = []): Promise<string> {
  const access = await roomAccess(ctx, roomId)
  const content = { ...access.profile, ...given }
  const mayBeHere = access.membership !== undefined || (await isRegistered(ctx, roomId))
  if (!mayBeHere) return joinThroughOthers(ctx, access, roomId, content, via)
  try {
    return await joinWith(ctx, access, roomId, content, false, via)
  } catch (cause) {
    // A list names rooms of other servers too: those that the user is invited to.
    if (!(cause instanceof MatrixError) || cause.errcode !== 'M_NOT_FOUND') throw cause
    return joinThroughOthers(ctx, access, roomId, content, via)
  }
}

/** Joins through other servers; should somebody here have joined meanwhile, like any other room. */
async function joinThroughOthers(
  ctx: RequestContext,
  access: RoomAccess,
  roomId: string,
  content: JsonObject,
  via: readonly string[],
): Promise<string> {
  const servers = serversFor(ctx, access, roomId, via)
  if (servers.length === 0) throw notFound('There is no such room on this server')
  const eventId = await joinRemoteRoom(ctx, servers, roomId, access.caller.userId, content)
  return eventId ?? joinWith(ctx, access, roomId, content, false)
}

/** {@link joinRoom} with content of the client's choice. */
export async function joinWith(
  ctx: RequestContext,
  access: RoomAccess,
  roomId: string,
  content: JsonObject,
  ownContent: boolean,
  via: readonly string[] = [],
): Promise<string> {
  const { caller } = access
  const request: MembershipRequest = { action: 'join', target: caller.userId, content, ownContent }
  const answer = unwrap(await ctx.objects.room(roomId).membership(caller, request))
  if ('eventId' in answer) return answer.eventId
  if ('needsServers' in answer) return joinThroughOthers(ctx, access, roomId, content, via.length > 0 ? via : answer.needsServers)
  // The room admits members of other rooms: the caller's own list says which of them the caller is in.
  const memberOf = unwrap(await ctx.session.joinedAmong(answer.needsMembershipIn))
  const outcome = await ctx.objects.room(roomId).membership(caller, { ...request, memberOf })
  if (!outcome.ok && outcome.error.errcode === 'M_UNABLE_TO_GRANT_JOIN') {
    const others = candidateServers(ctx, [...via, ...(await ctx.objects.room(roomId).serversInRoom(MAX_CANDIDATE_SERVERS))])
    if (others.length === 0) throw MatrixError.fromShape(outcome.error)
    return joinThroughResident(ctx, others, { action: 'join', roomId, userId: caller.userId, content })
  }
  const second = unwrap(outcome)
  if ('eventId' in second) return second.eventId
  throw forbidden('The conditions of the room changed; try again')
}

/** Asks to be let in. */
export async function knockOnRoom(
  ctx: RequestContext,
  roomId: string,
  reason: string | undefined,
  via: readonly string[] = [],
): Promise<string> {
  const access = await roomAccess(ctx, roomId)
  const { userId } = access.caller
  const content = { ...access.profile, ...withReason(reason) }
  if (await isRegistered(ctx, roomId)) {
    const answer = await attempt(ctx, access, roomId, { action: 'knock', target: userId, content })
    if ('eventId' in answer) return answer.eventId
    return knockOnRemoteRoom(ctx, serversFor(ctx, access, roomId, via.length > 0 ? via : serversIn(answer)), roomId, userId, content)
  }
  const servers = serversFor(ctx, access, roomId, via)
  if (servers.length === 0) throw notFound('There is no such room on this server')
  return knockOnRemoteRoom(ctx, servers, roomId, userId, content)
}

/** Leaves a room, or declines an invitation, or withdraws a knock. */
export async function leaveRoom(ctx: RequestContext, roomId: string, reason: string | undefined): Promise<string> {
  const access = await listedRoom(ctx, roomId)
  const { userId } = access.caller
  const content = withReason(reason)
  const isOutside = access.membership === 'invite' || access.membership === 'knock'
  try {
    const answer = await attempt(ctx, access, roomId, { action: 'leave', target: userId, content, isOutside })
    if ('eventId' in answer) return answer.eventId
    if (!isOutside) throw forbidden('You are not in this room')
    return await leaveRemoteRoom(ctx, serversFor(ctx, access, roomId, serversIn(answer)), roomId, userId, content)
  } catch (cause) {
    // Invitations of other servers are on the list without the room being here.
    if (!isOutside || !(cause instanceof MatrixError) || cause.errcode !== 'M_NOT_FOUND') throw cause
    return leaveRemoteRoom(ctx, serversFor(ctx, access, roomId, []), roomId, userId, content)
  }
}

/** Invites a user of this server or of another. */
export async function inviteUser(ctx: RequestContext, roomId: string, target: string, reason: string | undefined): Promise<string> {
  const access = await listedRoom(ctx, roomId)
  if (serverOfUser(target) !== ctx.config.serverName) return inviteRemoteUser(ctx, access.caller, roomId, target, withReason(reason))
  return change(ctx, access, roomId, {
    action: 'invite',
    target,
    content: { ...(await invitedProfile(ctx, target)), ...withReason(reason) },
  })
}

/** Servers that may have a room which is not here, the likeliest first. */
function serversFor(ctx: RequestContext, access: RoomAccess, roomId: string, via: readonly string[]): string[] {
  const setBy = access.setBy === undefined ? undefined : parseUserId(access.setBy)?.serverName
  // Whoever names servers does not want others to be asked.
  return candidateServers(ctx, [setBy, ...(via.length > 0 ? via : [parseRoomId(roomId)?.serverName])])
}

function serversIn(answer: MembershipAnswer): readonly string[] {
  return 'needsServers' in answer ? answer.needsServers : []
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
export async function change(ctx: RequestContext, access: RoomAccess, roomId: string, request: Change): Promise<string> {
  const answer = await attempt(ctx, access, roomId, request)
  if ('eventId' in answer) return answer.eventId
  throw forbidden('You cannot join this room without an invitation')
}

type Change = Pick<MembershipRequest, 'action' | 'target' | 'content' | 'isOutside'> & { readonly ownContent?: boolean }

async function attempt(ctx: RequestContext, access: RoomAccess, roomId: string, request: Change): Promise<MembershipAnswer> {
  return unwrap(await ctx.objects.room(roomId).membership(access.caller, { ownContent: false, ...request }))
}

function withReason(reason: string | undefined): JsonObject {
  return reason === undefined ? {} : { reason }
}
