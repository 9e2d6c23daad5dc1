import type { AuthenticatedServer } from '../../http/server-authentication.ts'
import { limitExceeded, MatrixError } from '../../matrix/errors.ts'
import type { JsonObject } from '../../matrix/json.ts'
import { log } from '../../runtime/log.ts'
import type { RequestContext } from '../context.ts'
import { receiveEdus } from './edus/receive-edus.ts'
import { requireRegisteredRoom, rulesOfRoom } from './federated-rooms.ts'
import { eventIdIfAny } from './ingest/check-format.ts'
import { parseTransaction, type ReceivedPdu } from './ingest/parse-transaction.ts'
import { type TakenIn, takeIn } from './ingest/take-in.ts'
import { withDeadline } from './with-deadline.ts'
import { takeBackInvitations } from './withdrawn-invites.ts'

/** How long a server waits before it repeats a transaction that is being processed. */
const UNDER_WAY_RETRY_MS = 2_000
/** How long a transaction waits for one room. */
const ROOM_PATIENCE_MS = 5_000

/**
 * A transaction of another server (server-server-api#transactions): processed once per origin and ID. Answers JSON text. One bad PDU or room does not hold the others; what events lack
 * is fetched after the answer.
 * @throws MatrixError M_BAD_JSON for more than the permitted numbers (F16); M_LIMIT_EXCEEDED while it is being processed.
 */
export async function receiveTransaction(ctx: RequestContext, origin: AuthenticatedServer, txnId: string): Promise<string> {
  const { rooms, edus } = parseTransaction(origin.body ?? {}, origin.inexact)
  const queue = () => ctx.objects.remoteServer(origin.serverName)
  const reception = await queue().beginTransaction(txnId)
  if (reception.kind === 'answered') return reception.response
  if (reception.kind === 'under-way') throw limitExceeded(UNDER_WAY_RETRY_MS)
  try {
    const [results] = await Promise.all([receivePdus(ctx, origin.serverName, rooms), receiveEdus(ctx, origin.serverName, edus)])
    const response = JSON.stringify({ pdus: results })
    await queue().finishTransaction(txnId, response)
    return response
  } catch (cause) {
    await queue().abandonTransaction(txnId)
    throw cause
  }
}

/** Per event ID: nothing, or why it was not taken. */
async function receivePdus(
  ctx: RequestContext,
  serverName: string,
  rooms: ReadonlyMap<string, readonly ReceivedPdu[]>,
): Promise<JsonObject> {
  const answers = await Promise.all([...rooms].map(([roomId, received]) => receiveInRoom(ctx, serverName, roomId, received)))
  return Object.fromEntries(answers.flat())
}

async function receiveInRoom(ctx: RequestContext, serverName: string, roomId: string, received: readonly ReceivedPdu[]): Promise<TakenIn> {
  try {
    await requireRegisteredRoom(ctx, roomId)
    const work = rulesOfRoom(ctx, roomId).then((rules) => takeIn(ctx, () => ctx.objects.room(roomId), rules, serverName, received))
    return await inTime(ctx, serverName, roomId, received, work)
  } catch (cause) {
    if (!(cause instanceof MatrixError)) throw cause
    log.debug(`PDUs of ${serverName} were refused: ${cause.message}`)
    if (cause.errcode === 'M_NOT_FOUND') {
      const pdus = received.map(({ pdu }) => pdu)
      await takeBackInvitations(ctx, serverName, roomId, pdus)
    }
    return await refusedOneByOne(ctx, roomId, received, cause.message)
  }
}

/**
 * What became of the PDUs; where the room is not done with them in time, or cannot take them now, they are kept for it, and the other rooms of the transaction
 * do not wait.
 */
async function inTime(
  ctx: RequestContext,
  serverName: string,
  roomId: string,
  received: readonly ReceivedPdu[],
  work: Promise<TakenIn>,
): Promise<TakenIn> {
  const result = await withDeadline(
    work.catch((cause: unknown) => {
      if (cause instanceof MatrixError && cause.errcode !== 'M_LIMIT_EXCEEDED') throw cause
      if (!(cause instanceof MatrixError)) log.warn('a room could not take events in', cause)
      return 'later' as const
    }),
    ROOM_PATIENCE_MS,
  )
  if (result !== 'later' && result !== 'late') return result
  const pdus = received.map(({ pdu, inexact }) => ({ pdu, inexact }))
  await ctx.objects.repair(roomId).keep(serverName, pdus)
  return []
}

/** The answer where the room takes nothing of a server, e.g. because its access control list denies it (F15). */
async function refusedOneByOne(
  ctx: RequestContext,
  roomId: string,
  received: readonly ReceivedPdu[],
  error: string,
): Promise<(readonly [string, JsonObject])[]> {
  try {
    const rules = await rulesOfRoom(ctx, roomId)
    return received.flatMap(({ pdu }) => {
      const eventId = eventIdIfAny(pdu, rules)
      return eventId === undefined ? [] : [[eventId, { error }] as const]
    })
  } catch (cause) {
    // Of a room that is not here nobody can say what its events are called.
    if (!(cause instanceof MatrixError)) throw cause
    return []
  }
}
