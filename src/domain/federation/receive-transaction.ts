import type { IngestResult } from '../../durable/room/graph/ingest.ts'
import type { AuthenticatedServer } from '../../http/server-authentication.ts'
import { badJson, limitExceeded, MatrixError } from '../../matrix/errors.ts'
import { isRoomId } from '../../matrix/ids/room-id.ts'
import { isJsonObject, type JsonObject, type JsonValue } from '../../matrix/json.ts'
import { log } from '../../runtime/log.ts'
import { unwrap } from '../../runtime/outcome.ts'
import type { RequestContext } from '../context.ts'
import { requireRegisteredRoom, rulesOfRoom } from './federated-rooms.ts'
import { fetchMissing } from './fetch-missing.ts'
import { MAX_TRANSACTION_EDUS, MAX_TRANSACTION_PDUS } from './limits.ts'
import { eventsOf, verifyPdus } from './verify-pdus.ts'

/** How long a server waits before it repeats a transaction that is being processed. */
const UNDER_WAY_RETRY_MS = 2_000

/**
 * A transaction of another server (server-server-api#transactions): processed once per origin and ID. Answers JSON text. One bad PDU or room does not hold the others; what events lack
 * is fetched after the answer. Ephemeral data is not taken in yet.
 * @throws MatrixError M_BAD_JSON for more than the permitted numbers (F16); M_LIMIT_EXCEEDED while it is being processed, or a room of it is being joined.
 */
export async function receiveTransaction(ctx: RequestContext, origin: AuthenticatedServer, txnId: string): Promise<string> {
  const { pdus, edus } = origin.body ?? {}
  if (!Array.isArray(pdus)) throw badJson('pdus is not a list')
  if (pdus.length > MAX_TRANSACTION_PDUS) throw badJson(`A transaction has at most ${MAX_TRANSACTION_PDUS} PDUs`)
  if (edus !== undefined && (!Array.isArray(edus) || edus.length > MAX_TRANSACTION_EDUS)) {
    throw badJson(`A transaction has at most ${MAX_TRANSACTION_EDUS} EDUs`)
  }
  const queue = () => ctx.objects.remoteServer(origin.serverName)
  const reception = await queue().beginTransaction(txnId)
  if (reception.kind === 'answered') return reception.response
  if (reception.kind === 'under-way') throw limitExceeded(UNDER_WAY_RETRY_MS)
  try {
    const response = JSON.stringify({ pdus: await receivePdus(ctx, origin, pdus) })
    await queue().finishTransaction(txnId, response)
    // It is up: what waits for it need not wait longer.
    ctx.waitUntil(queue().contact())
    return response
  } catch (cause) {
    await queue().abandonTransaction(txnId)
    throw cause
  }
}

/** Per event ID: nothing, or why it was not taken. */
async function receivePdus(ctx: RequestContext, origin: AuthenticatedServer, pdus: readonly JsonValue[]): Promise<JsonObject> {
  const byRoom = new Map<string, JsonObject[]>()
  for (const pdu of pdus) {
    // Numbers that were not kept as they came make another event of it (P5).
    if (!isJsonObject(pdu) || origin.inexact.has(pdu)) continue
    const roomId = pdu.room_id
    if (typeof roomId !== 'string' || !isRoomId(roomId)) continue
    byRoom.set(roomId, [...(byRoom.get(roomId) ?? []), pdu])
  }
  const rooms = await Promise.all([...byRoom].map(([roomId, ofRoom]) => receiveInRoom(ctx, origin.serverName, roomId, ofRoom)))
  return Object.fromEntries(rooms.flat())
}

async function receiveInRoom(
  ctx: RequestContext,
  serverName: string,
  roomId: string,
  pdus: readonly JsonObject[],
): Promise<(readonly [string, JsonObject])[]> {
  try {
    const rules = await rulesOfRoom(ctx, roomId)
    const verified = await verifyPdus(ctx, rules, roomId, pdus)
    const events = eventsOf(verified)
    const result: IngestResult = unwrap(
      await (await requireRegisteredRoom(ctx, roomId)).ingest({ origin: serverName, pdus: events.map(({ pdu }) => pdu) }, ctx.requestId),
    )
    if (result.waitsFor.length > 0) ctx.waitUntil(fetchMissing(ctx, serverName, roomId, rules))
    const dropped = verified.flatMap((one) =>
      'reason' in one && one.eventId !== undefined ? [[one.eventId, { error: one.reason }] as const] : [],
    )
    return [
      ...dropped,
      ...result.verdicts.map(({ eventId, verdict }) => [eventId, 'reason' in verdict ? { error: verdict.reason } : {}] as const),
    ]
  } catch (cause) {
    // A room that is being joined will take them when they come again.
    if (!(cause instanceof MatrixError) || cause.errcode === 'M_LIMIT_EXCEEDED') throw cause
    log.debug(`PDUs of ${serverName} were refused: ${cause.message}`)
    return []
  }
}
