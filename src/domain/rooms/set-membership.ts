import type { MembershipAction } from '../../durable/room/membership.ts'
import { badJson, forbidden } from '../../matrix/errors.ts'
import type { JsonObject } from '../../matrix/json.ts'
import type { RequestContext } from '../context.ts'
import { inviteRemoteUser } from '../federation/invite-remote-user.ts'
import { listedRoom } from './access.ts'
import { change, joinWith } from './change-membership.ts'
import { invitedProfile, requireExistingUser, serverOfUser } from './local-users.ts'

/**
 * A membership set as state (`PUT /rooms/{roomId}/state/m.room.member/{userId}`): the same changes as those of the endpoints for each membership,
 * with content of the client's choice, e.g. a display name for this room only. Answers the event ID.
 */
export async function setMembership(ctx: RequestContext, roomId: string, target: string, content: JsonObject): Promise<string> {
  const access = await listedRoom(ctx, roomId)
  const own = target === access.caller.userId
  const action = actionOf(content.membership, own)
  if ((action === 'join' || action === 'knock') && !own) throw forbidden(`You cannot ${action} for somebody else`)
  if (action === 'join') return joinWith(ctx, access, roomId, { ...access.profile, ...content }, true)
  if (action === 'invite' && serverOfUser(target) !== ctx.config.serverName)
    return inviteRemoteUser(ctx, access.caller, roomId, target, content)
  if (!own) await requireExistingUser(ctx, target)
  const profile = action === 'invite' ? await invitedProfile(ctx, target) : action === 'knock' ? access.profile : {}
  return change(ctx, access, roomId, { action, target, content: { ...profile, ...content }, ownContent: true })
}

function actionOf(membership: unknown, own: boolean): MembershipAction {
  switch (membership) {
    case 'join':
    case 'invite':
    case 'ban':
    case 'knock':
      return membership
    case 'leave':
      return own ? 'leave' : 'remove'
    default:
      throw badJson('membership must be join, invite, leave, ban or knock')
  }
}
