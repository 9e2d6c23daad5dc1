import { parseUserId } from '../../matrix/ids/user-id.ts'
import { isJsonObject, type JsonObject } from '../../matrix/json.ts'
import { accountExists } from '../../storage/d1/accounts.ts'
import type { RequestContext } from '../context.ts'

/**
 * An invitation of a user of this server, to a room that nobody here is in, may be taken back by the server that it came from: the room is not here, so
 * its rules cannot be asked, but that server answers for the user who invited, whom nobody else can speak for. Everything else of such rooms is ignored.
 */
export async function takeBackInvitations(
  ctx: RequestContext,
  serverName: string,
  roomId: string,
  pdus: readonly JsonObject[],
): Promise<void> {
  for (const pdu of pdus) {
    const { type, state_key: target, sender, content } = pdu
    if (type !== 'm.room.member' || typeof target !== 'string' || typeof sender !== 'string' || !isJsonObject(content)) continue
    const user = parseUserId(target)
    if (parseUserId(sender)?.serverName !== serverName || user?.serverName !== ctx.config.serverName) continue
    if (content.membership !== 'leave' && content.membership !== 'ban') continue
    if (await accountExists(ctx.registry, user.localpart)) await ctx.objects.user(target).invitationTakenBack(roomId, pdu)
  }
}
