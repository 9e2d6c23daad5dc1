import { clientError, OutboundError } from '../../federation/outbound/outbound-error.ts'
import { limitExceeded, MatrixError, notFound } from '../../matrix/errors.ts'
import type { RoomEvent } from '../../matrix/events/room-event.ts'
import { isJsonObject, type JsonObject, type JsonValue } from '../../matrix/json.ts'
import type { RoomVersionRules } from '../../matrix/room-versions/rules.ts'
import { log } from '../../runtime/log.ts'
import { unwrap } from '../../runtime/outcome.ts'
import { randomString } from '../../runtime/random.ts'
import { noteRoomExists } from '../../storage/d1/rooms.ts'
import type { RequestContext } from '../context.ts'
import { inOrderOfAuthority } from './ingest/in-order-of-authority.ts'
import { verifiedEvents, verifyRoomPdus } from './ingest/verify-room-pdus.ts'
import {
  IMPORT_CHUNK_CHARS,
  IMPORT_CHUNK_EVENTS,
  IMPORT_WAIT_MS,
  MAX_IMPORT_WAITS,
  MAX_JOIN_ANSWER_BYTES,
  MAX_JOIN_EVENTS,
} from './limits.ts'
import { type MadeEvent, makeMembership, type RemoteMembership, sendMembership } from './membership-handshake.ts'

const GENERATION_CHARS = 18

/**
 * Joins a room through one of several servers (server-server-api#joining-rooms). Answers the event ID, or nothing where somebody of this server turns out
 * to be in the room, which makes the join a local matter.
 * @throws MatrixError what the last server that was asked said, in this server's words. Nothing of the room remains then.
 */
export async function joinRemoteRoom(
  ctx: RequestContext,
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

async function joinThrough(ctx: RequestContext, serverName: string, change: RemoteMembership): Promise<string | undefined> {
  const made = await makeMembership(ctx, serverName, change)
  const generation = randomString(GENERATION_CHARS)
  // From here on this join is the only one of the room: what another server has accepted must find its place here.
  if ((await begin(ctx, change.roomId, made.rules.version, generation)) === 'here') return undefined
  try {
    const answer = await sendMembership(ctx, serverName, change, made.event, MAX_JOIN_ANSWER_BYTES)
    const { join, state, events } = await verifyAnswer(ctx, change.roomId, made, answer)
    await bring(ctx, change.roomId, generation, events)
    const request = { generation, stateIds: state, join: join.pdu }
    unwrap(await ctx.objects.room(change.roomId).finishImport(request, ctx.requestId))
  } catch (cause) {
    unwrap(await ctx.objects.room(change.roomId).abortImport(generation))
    throw cause
  }
  noteRoomExists(change.roomId)
  return made.event.eventId
}

/** Begins the import, after a while if another one is under way. */
async function begin(ctx: RequestContext, roomId: string, version: string, generation: string): Promise<'begun' | 'here'> {
  for (let waits = 0; waits < MAX_IMPORT_WAITS; waits += 1) {
    const outcome = await ctx.objects.room(roomId).beginImport({ roomId, version, generation })
    if (outcome.ok) return 'begun'
    if (outcome.error.errcode === 'M_ROOM_IN_USE') return 'here'
    if (outcome.error.errcode !== 'M_LIMIT_EXCEEDED') throw MatrixError.fromShape(outcome.error)
    await new Promise((resolve) => setTimeout(resolve, IMPORT_WAIT_MS))
  }
  throw limitExceeded(IMPORT_WAIT_MS * MAX_IMPORT_WAITS)
}

interface VerifiedAnswer {
  readonly join: RoomEvent
  /** IDs of the state before the join. */
  readonly state: readonly string[]
  /** State and auth chain, each event after its auth events. */
  readonly events: readonly RoomEvent[]
}

/** Checks formats, signatures and hashes of everything in the answer before anything of it is used (F11). */
async function verifyAnswer(ctx: RequestContext, roomId: string, made: MadeEvent, answer: JsonObject): Promise<VerifiedAnswer> {
  const { rules } = made
  const state = pdusOf(answer.state)
  const chain = pdusOf(answer.auth_chain)
  if (state.length + chain.length > MAX_JOIN_EVENTS) throw new OutboundError('too_large', 'the state has too many events')
  const verifiedState = verifiedEvents(await verifyRoomPdus(ctx, rules, roomId, state))
  const verifiedChain = verifiedEvents(await verifyRoomPdus(ctx, rules, roomId, chain))
  return {
    join: await signedJoin(ctx, roomId, rules, made.event, answer.event),
    state: verifiedState.map(({ eventId }) => eventId),
    events: inOrderOfAuthority([...verifiedChain, ...verifiedState]),
  }
}

/** Our join, with the signature of the server that vouches for it where one had to. */
async function signedJoin(
  ctx: RequestContext,
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

function pdusOf(value: JsonValue | undefined): JsonObject[] {
  if (!Array.isArray(value)) throw new OutboundError('invalid', 'the answer has no state')
  const entries: readonly JsonValue[] = value
  return entries.filter(isJsonObject)
}

async function bring(ctx: RequestContext, roomId: string, generation: string, events: readonly RoomEvent[]): Promise<void> {
  let chunk: JsonObject[] = []
  let chars = 0
  const flush = async (): Promise<void> => {
    if (chunk.length === 0) return
    const refused = unwrap(await ctx.objects.room(roomId).importEvents(generation, chunk))
    if (refused.length > 0) log.info(`${refused.length} events of a room that is being joined are not allowed by its rules`)
    chunk = []
    chars = 0
  }
  for (const { pdu } of events) {
    chunk.push(pdu)
    chars += JSON.stringify(pdu).length
    if (chunk.length >= IMPORT_CHUNK_EVENTS || chars >= IMPORT_CHUNK_CHARS) await flush()
  }
  await flush()
}
