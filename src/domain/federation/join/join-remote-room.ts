import { clientError, OutboundError } from '../../../federation/outbound/outbound-error.ts'
import { MatrixError, notFound } from '../../../matrix/errors.ts'
import type { JsonObject } from '../../../matrix/json.ts'
import { log } from '../../../runtime/log.ts'
import { unwrap } from '../../../runtime/outcome.ts'
import { noteRoomExists } from '../../../storage/d1/rooms.ts'
import { makeMembership, moreTelling, type RemoteMembership } from '../membership-handshake.ts'
import type { JoinContext } from './join-context.ts'

/**
 * Joins a room through one of several servers (server-server-api#joining-rooms). Answers the event ID, or nothing where somebody of this server turns out
 * to be in the room, which makes the join a local matter. Once a server has offered to let the user in, the join goes on without whoever asked for it.
 * @throws MatrixError what the last server that was asked said, in this server's words. Nothing of the room remains then.
 */
export async function joinRemoteRoom(
  ctx: JoinContext,
  servers: readonly string[],
  roomId: string,
  userId: string,
  content: JsonObject,
): Promise<string | undefined> {
  let failure: unknown = notFound('No server is known that has this room')
  const change: RemoteMembership = { action: 'join', roomId, userId, content }
  for (const serverName of servers) {
    try {
      return await joinThrough(ctx, serverName, change)
    } catch (cause) {
      if (!(cause instanceof OutboundError) && !(cause instanceof MatrixError)) throw cause
      log.info(`joining a room through ${serverName} failed: ${cause.message}`)
      failure = moreTelling(failure, cause)
    }
  }
  throw clientError(failure, 'The server that has the room')
}

async function joinThrough(ctx: JoinContext, serverName: string, change: RemoteMembership): Promise<string | undefined> {
  const { roomId, userId, content } = change
  // Asked before any object is named: only rooms that a server offers get one.
  const { event, rules } = await makeMembership(ctx, serverName, change)
  const job = { serverName, userId, content, version: rules.version, pdu: event.pdu }
  if (unwrap(await ctx.objects.repair(roomId).join(job)) === 'here') return undefined
  noteRoomExists(roomId)
  return event.eventId
}
