import { clientError, OutboundError } from '../../federation/outbound/outbound-error.ts'
import { MatrixError, notFound } from '../../matrix/errors.ts'
import type { JsonObject } from '../../matrix/json.ts'
import { nowMs } from '../../runtime/clock.ts'
import { log } from '../../runtime/log.ts'
import { randomString } from '../../runtime/random.ts'
import type { RequestContext } from '../context.ts'
import { makeMembership, moreTelling, type RemoteMembership, sendMembership } from './membership-handshake.ts'
import { strippedStateFrom } from './stripped-state.ts'
import { tellUser } from './tell-user.ts'

/** Characters of an event ID after its sigil. */
const EVENT_ID_CHARS = 43

/** Knocks on a room of other servers; answers the event ID once the user's list has it. @throws MatrixError what the last server said. */
export async function knockOnRemoteRoom(
  ctx: RequestContext,
  servers: readonly string[],
  roomId: string,
  userId: string,
  content: JsonObject,
): Promise<string> {
  const change: RemoteMembership = { action: 'knock', roomId, userId, content }
  const { eventId, answer } = await through(ctx, servers, change)
  const knocked = { ...content, membership: 'knock' }
  await tellUser(ctx, {
    userId,
    roomId,
    membership: 'knock',
    eventId,
    sender: userId,
    // The knock itself is part of what the user is shown, as an invitation is.
    strippedState: [
      ...strippedStateFrom(answer.knock_room_state),
      { type: 'm.room.member', state_key: userId, sender: userId, content: knocked },
    ],
  })
  return eventId
}

/**
 * Declines an invitation to a room of other servers, or takes back a knock. Should none of them answer, the user is rid of it all the same: they can only
 * be invited again. Answers the event ID, empty in that case.
 */
export async function leaveRemoteRoom(
  ctx: RequestContext,
  servers: readonly string[],
  roomId: string,
  userId: string,
  content: JsonObject,
): Promise<string> {
  let eventId = ''
  try {
    eventId = (await through(ctx, servers, { action: 'leave', roomId, userId, content })).eventId
  } catch (cause) {
    if (!(cause instanceof MatrixError)) throw cause
    log.info(`no server could be told that an invitation was declined: ${cause.message}`)
  }
  const departure = {
    type: 'm.room.member',
    state_key: userId,
    sender: userId,
    content: { ...content, membership: 'leave' },
    // Where nobody has taken the event, there is none: clients are shown an ID all the same, because they expect one.
    event_id: eventId === '' ? `$${randomString(EVENT_ID_CHARS)}` : eventId,
    origin_server_ts: nowMs(),
  }
  await tellUser(ctx, { userId, roomId, membership: 'leave', eventId, sender: userId, strippedState: [departure] })
  return eventId
}

/** Makes and sends the event through the first server that takes it. */
async function through(
  ctx: RequestContext,
  servers: readonly string[],
  change: RemoteMembership,
): Promise<{ readonly eventId: string; readonly answer: JsonObject }> {
  let failure: unknown = notFound('No server is known that has this room')
  for (const serverName of servers) {
    try {
      const { event } = await makeMembership(ctx, serverName, change)
      return { eventId: event.eventId, answer: await sendMembership(ctx, serverName, change, event) }
    } catch (cause) {
      if (!(cause instanceof OutboundError) && !(cause instanceof MatrixError)) throw cause
      failure = moreTelling(failure, cause)
    }
  }
  throw clientError(failure, 'The server that has the room')
}
