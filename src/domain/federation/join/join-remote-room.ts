import { clientError, OutboundError } from '../../../federation/outbound/outbound-error.ts'
import { limitExceeded, MatrixError, notFound } from '../../../matrix/errors.ts'
import type { RoomEvent } from '../../../matrix/events/room-event.ts'
import { isJsonObject, type JsonObject, type JsonValue } from '../../../matrix/json.ts'
import type { RoomVersionRules } from '../../../matrix/room-versions/rules.ts'
import { log } from '../../../runtime/log.ts'
import { unwrap } from '../../../runtime/outcome.ts'
import { randomString } from '../../../runtime/random.ts'
import { letOthersRun } from '../../../runtime/turns.ts'
import { noteRoomExists } from '../../../storage/d1/rooms.ts'
import { verifiedEvents, verifyRoomPdus } from '../ingest/verify-room-pdus.ts'
import { IMPORT_WAIT_MS, MAX_IMPORT_TURNS, MAX_IMPORT_WAITS } from '../limits.ts'
import { makeMembership, openJoinAnswer, type RemoteMembership } from '../membership-handshake.ts'
import type { JoinContext } from './join-context.ts'
import { receiveJoinAnswer } from './receive-join-answer.ts'

const GENERATION_CHARS = 18

/**
 * Joins a room through one of several servers (server-server-api#joining-rooms). Answers the event ID, or nothing where somebody of this server turns out
 * to be in the room, which makes the join a local matter.
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
      failure = cause
    }
  }
  throw clientError(failure, 'The server that has the room')
}

async function joinThrough(ctx: JoinContext, serverName: string, change: RemoteMembership): Promise<string | undefined> {
  const made = await makeMembership(ctx, serverName, change)
  const generation = randomString(GENERATION_CHARS)
  // From here on this join is the only one of the room: what another server has accepted must find its place here.
  if ((await begin(ctx, change.roomId, made.rules.version, generation)) === 'here') return undefined
  try {
    const body = await openJoinAnswer(ctx, serverName, change, made.event)
    const answer = await receiveJoinAnswer(ctx, made.rules, change.roomId, body, async (staged) => {
      unwrap(await ctx.objects.room(change.roomId).stageImport(generation, staged))
    })
    const join = await signedJoin(ctx, change.roomId, made.rules, made.event, answer.event)
    await lookAtAll(ctx, change.roomId, generation)
    unwrap(await ctx.objects.room(change.roomId).finishImport({ generation, join: join.pdu }, ctx.requestId))
  } catch (cause) {
    unwrap(await ctx.objects.room(change.roomId).abortImport(generation))
    throw cause
  }
  noteRoomExists(change.roomId)
  return made.event.eventId
}

/** Begins the import, after a while if another one is under way. */
async function begin(ctx: JoinContext, roomId: string, version: string, generation: string): Promise<'begun' | 'here'> {
  for (let waits = 0; waits < MAX_IMPORT_WAITS; waits += 1) {
    const outcome = await ctx.objects.room(roomId).beginImport({ roomId, version, generation })
    if (outcome.ok) return 'begun'
    if (outcome.error.errcode === 'M_ROOM_IN_USE') return 'here'
    if (outcome.error.errcode !== 'M_LIMIT_EXCEEDED') throw MatrixError.fromShape(outcome.error)
    await new Promise((resolve) => setTimeout(resolve, IMPORT_WAIT_MS))
  }
  throw limitExceeded(IMPORT_WAIT_MS * MAX_IMPORT_WAITS)
}

/** Has the room check everything that was staged, a turn at a time. */
async function lookAtAll(ctx: JoinContext, roomId: string, generation: string): Promise<void> {
  for (let turns = 0; turns < MAX_IMPORT_TURNS; turns += 1) {
    const { isDone, refused } = unwrap(await ctx.objects.room(roomId).advanceImport(generation))
    await letOthersRun()
    if (!isDone) continue
    if (refused > 0) log.info(`${refused} events of a room that is being joined are not allowed by its rules`)
    return
  }
  throw limitExceeded(IMPORT_WAIT_MS)
}

/** Our join, with the signature of the server that vouches for it where one had to. */
export async function signedJoin(
  ctx: JoinContext,
  roomId: string,
  rules: RoomVersionRules,
  own: RoomEvent,
  answered: JsonValue | undefined,
): Promise<RoomEvent> {
  if (own.content.join_authorised_via_users_server === undefined) return own
  if (!isJsonObject(answered)) throw new OutboundError('invalid', 'the join was not signed')
  const [verified] = verifiedEvents(await verifyRoomPdus(ctx, rules, roomId, [answered]))
  if (verified?.eventId !== own.eventId) throw new OutboundError('invalid', 'the join came back as something else')
  return { ...own, pdu: { ...own.pdu, signatures: verified.pdu.signatures ?? {} } }
}
