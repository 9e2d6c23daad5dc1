import { jsonBody } from '../../federation/outbound/client.ts'
import { outboundOf } from '../../federation/outbound/outbound.ts'
import { OutboundError } from '../../federation/outbound/outbound-error.ts'
import { SingleFlight } from '../../federation/outbound/single-flight.ts'
import { MatrixError } from '../../matrix/errors.ts'
import { isJsonObject, type JsonValue } from '../../matrix/json.ts'
import type { RoomVersionRules } from '../../matrix/room-versions/rules.ts'
import { log } from '../../runtime/log.ts'
import { unwrap } from '../../runtime/outcome.ts'
import type { RequestContext } from '../context.ts'
import { MAX_FETCH_ROUNDS, MAX_FETCHED_PER_ROUND } from './limits.ts'
import { eventsOf, verifyPdus } from './verify-pdus.ts'

/** One at a time per room and isolate; the room itself takes each event once. */
const flights = new SingleFlight<void>()

/**
 * Fetches what staged events of a room lack, from the server that sent them, in bounded rounds (server-server-api `get_missing_events`). What cannot be had this
 * way stays in staging until somebody brings it. Never fails.
 */
export function fetchMissing(ctx: RequestContext, serverName: string, roomId: string, rules: RoomVersionRules): Promise<void> {
  return flights.do(roomId, async () => {
    try {
      await fetchRounds(ctx, serverName, roomId, rules)
    } catch (cause) {
      if (!(cause instanceof OutboundError) && !(cause instanceof MatrixError)) throw cause
      log.info(`missing events could not be fetched from ${serverName}: ${cause.message}`)
    }
  })
}

async function fetchRounds(ctx: RequestContext, serverName: string, roomId: string, rules: RoomVersionRules): Promise<void> {
  for (let round = 0; round < MAX_FETCH_ROUNDS; round += 1) {
    const frontier = unwrap(await ctx.objects.room(roomId).frontier())
    if (frontier.staged.length === 0) return
    const answer = await outboundOf(ctx.env).client.json(serverName, {
      method: 'POST',
      path: `/_matrix/federation/v1/get_missing_events/${encodeURIComponent(roomId)}`,
      canonicalBody: jsonBody({
        earliest_events: frontier.extremities,
        latest_events: frontier.staged,
        limit: MAX_FETCHED_PER_ROUND,
        min_depth: 0,
      }),
      maxBytes: MAX_FETCHED_PER_ROUND * 128 * 1024,
    })
    const events: readonly JsonValue[] = Array.isArray(answer.events) ? answer.events.slice(0, MAX_FETCHED_PER_ROUND) : []
    const verified = eventsOf(await verifyPdus(ctx, rules, roomId, events.filter(isJsonObject)))
    const pdus = verified.map(({ pdu }) => pdu)
    const { verdicts } = unwrap(await ctx.objects.room(roomId).ingest({ origin: serverName, pdus }, ctx.requestId))
    // Nothing that was not here already: this server cannot help.
    if (!verdicts.some(({ verdict }) => verdict.kind !== 'known' && verdict.kind !== 'malformed')) return
  }
}
