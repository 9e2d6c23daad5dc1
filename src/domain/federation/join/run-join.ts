import type { JoinJob, JoinResult } from '../../../durable/repair/join-jobs.ts'
import type { OmittedMembers } from '../../../durable/room/partial/begin-partial.ts'
import { MAX_RESIDENT_SERVERS } from '../../../durable/room/partial/limits.ts'
import { clientError, OutboundError } from '../../../federation/outbound/outbound-error.ts'
import { limitExceeded, MatrixError, unsupportedRoomVersion } from '../../../matrix/errors.ts'
import { parsePdu } from '../../../matrix/events/parse-pdu.ts'
import type { JsonObject } from '../../../matrix/json.ts'
import { findRoomVersionRules } from '../../../matrix/room-versions/rules.ts'
import { log } from '../../../runtime/log.ts'
import { type Outcome, refusal, success, unwrap } from '../../../runtime/outcome.ts'
import { randomString } from '../../../runtime/random.ts'
import { letOthersRun } from '../../../runtime/turns.ts'
import { noteRoomExists } from '../../../storage/d1/rooms.ts'
import { IMPORT_WAIT_MS, MAX_IMPORT_TURNS, MAX_IMPORT_WAITS } from '../limits.ts'
import { type MadeEvent, makeMembership, openJoinAnswer, type RemoteMembership } from '../membership-handshake.ts'
import type { JoinContext } from './join-context.ts'
import { receiveJoinAnswer } from './receive-join-answer.ts'
import { signedJoin } from './signed-join.ts'

const GENERATION_CHARS = 18

/**
 * Joins a room through one server, whose template has become the join that the job names (server-server-api#joining-rooms). A job that was cut off asks for a
 * new template: its place in the graph may be no more. Of a join that fails nothing remains here. Throws where it was cut off, e.g. because the room's object ended.
 */
export async function runJoin(ctx: JoinContext, roomId: string, job: JoinJob, isResumed: boolean): Promise<Outcome<JoinResult>> {
  const change: RemoteMembership = { action: 'join', roomId, userId: job.userId, content: job.content }
  try {
    const made = isResumed ? await makeMembership(ctx, job.serverName, change) : madeEventOf(roomId, job)
    return success(await join(ctx, job.serverName, change, made))
  } catch (cause) {
    if (cause instanceof OutboundError) log.info(`joining a room through ${job.serverName} failed: ${cause.message}`)
    if (cause instanceof OutboundError || cause instanceof MatrixError) return refusal(clientError(cause, 'The server that has the room'))
    // Not what the join came to, but that it was cut off.
    throw cause
  }
}

function madeEventOf(roomId: string, { version, pdu }: JoinJob): MadeEvent {
  const rules = findRoomVersionRules(version)
  if (rules === undefined) throw unsupportedRoomVersion()
  const parsed = parsePdu(pdu, rules, roomId)
  if (!parsed.ok) throw new Error(`a join of our own is malformed: ${parsed.reason}`)
  return { event: parsed.event, rules }
}

async function join(ctx: JoinContext, serverName: string, change: RemoteMembership, made: MadeEvent): Promise<JoinResult> {
  const { roomId } = change
  const generation = randomString(GENERATION_CHARS)
  // From here on this join is the only one of the room: what another server has accepted must find its place here.
  if ((await begin(ctx, roomId, made.rules.version, generation)) === 'here') return 'here'
  try {
    const body = await openJoinAnswer(ctx, serverName, change, made.event)
    const answer = await receiveJoinAnswer(ctx, made.rules, roomId, body, async (staged) => {
      unwrap(await ctx.objects.room(roomId).stageImport(generation, staged))
    })
    const signed = await signedJoin(ctx, roomId, made.rules, made.event, answer.event)
    await lookAtAll(ctx, roomId, generation)
    unwrap(
      await ctx.objects.room(roomId).finishImport({ generation, join: signed.pdu, omitted: omittedOf(serverName, answer) }, ctx.requestId),
    )
  } catch (cause) {
    // Where this fails too, the room takes it back by itself.
    await ctx.objects
      .room(roomId)
      .abortImport(generation)
      .catch((failure: unknown) => log.warn('an import could not be taken back', failure))
    throw cause
  }
  return 'joined'
}

/** What an answer says of members that it leaves out (MSC3706). */
function omittedOf(via: string, { members_omitted, servers_in_room }: JsonObject): OmittedMembers | undefined {
  if (members_omitted !== true) return undefined
  const servers: readonly unknown[] = Array.isArray(servers_in_room) ? servers_in_room.slice(0, MAX_RESIDENT_SERVERS) : []
  return { via, servers: servers.filter((name) => typeof name === 'string') }
}

/** Begins the import, after a while if another one is under way. */
async function begin(ctx: JoinContext, roomId: string, version: string, generation: string): Promise<'begun' | 'here'> {
  for (let waits = 0; waits < MAX_IMPORT_WAITS; waits += 1) {
    const outcome = await ctx.objects.room(roomId).beginImport({ roomId, version, generation })
    if (outcome.ok) {
      // What others send from now on is kept for it.
      noteRoomExists(roomId)
      return 'begun'
    }
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
