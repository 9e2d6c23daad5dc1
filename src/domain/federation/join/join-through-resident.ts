import { clientError, OutboundError } from '../../../federation/outbound/outbound-error.ts'
import { MatrixError, notFound } from '../../../matrix/errors.ts'
import { log } from '../../../runtime/log.ts'
import { unwrap } from '../../../runtime/outcome.ts'
import type { RequestContext } from '../../context.ts'
import { IMPORT_WAIT_MS, MAX_IMPORT_WAITS } from '../limits.ts'
import { makeMembership, moreTelling, type RemoteMembership, sendMembership } from '../membership-handshake.ts'
import { signedJoin } from './signed-join.ts'

/**
 * Joins a room that others of this server are in, but none who may let somebody in (rooms/v8, restricted rooms): a server whose users may vouches for the join, which then
 * comes into the room like every event of another server. Answers the event ID once the user is in.
 * @throws MatrixError what the last server that was asked said, in this server's words.
 */
export async function joinThroughResident(ctx: RequestContext, servers: readonly string[], change: RemoteMembership): Promise<string> {
  let failure: unknown = notFound('No other server is in this room')
  for (const serverName of servers) {
    try {
      return await joinThrough(ctx, serverName, change)
    } catch (cause) {
      if (!(cause instanceof OutboundError) && !(cause instanceof MatrixError)) throw cause
      log.info(`joining a room of this server through ${serverName} failed: ${cause.message}`)
      failure = moreTelling(failure, cause)
    }
  }
  throw clientError(failure, 'The server that was asked to let you in')
}

async function joinThrough(ctx: RequestContext, serverName: string, change: RemoteMembership): Promise<string> {
  const { roomId, userId } = change
  const made = await makeMembership(ctx, serverName, change)
  const answer = await sendMembership(ctx, serverName, change, made.event)
  const join = await signedJoin(ctx, roomId, made.rules, made.event, answer.event)
  unwrap(await ctx.objects.room(roomId).ingest({ origin: serverName, pdus: [join.pdu], rejected: {} }, ctx.requestId))
  // What the join refers to may be on its way still.
  for (let waits = 0; waits < MAX_IMPORT_WAITS; waits += 1) {
    if ((await ctx.objects.room(roomId).isJoinedHere(userId)) === 'joined') return join.eventId
    await new Promise((resolve) => setTimeout(resolve, IMPORT_WAIT_MS))
  }
  throw new MatrixError(504, 'M_UNKNOWN', 'The other server let you in, but your join has not arrived yet')
}
