import type { RoomStub } from '../../../durable/objects.ts'
import type { JsonObject } from '../../../matrix/json.ts'
import type { RoomVersionRules } from '../../../matrix/room-versions/rules.ts'
import { unwrap } from '../../../runtime/outcome.ts'
import type { ReceivedPdu } from './parse-transaction.ts'
import { type KeySource, verifyReceived } from './verify-room-pdus.ts'

/** Per event ID: nothing, or why it was not taken. */
export type TakenIn = readonly (readonly [eventId: string, answer: JsonObject])[]

/**
 * Receives PDUs of one room as a transaction brought them: what can be checked without state here, the rest in the room, which stages what waits for others
 * (server-server-api#checks-performed-on-receipt-of-a-pdu). @throws MatrixError where the room takes nothing of this server, or cannot now.
 */
export async function takeIn(
  source: KeySource & { readonly requestId: string },
  room: () => RoomStub,
  rules: RoomVersionRules,
  origin: string,
  received: readonly ReceivedPdu[],
): Promise<TakenIn> {
  const verdicts = await verifyReceived(source, rules, received)
  const kept = verdicts.flatMap((verdict) => (verdict.kind === 'dropped' ? [] : [verdict.event]))
  const pdus = kept.map(({ pdu }) => pdu)
  const eventIds = kept.map(({ eventId }) => eventId)
  const rejected = Object.fromEntries(
    verdicts.flatMap((verdict) => (verdict.kind === 'rejected' ? [[verdict.eventId, verdict.reason] as const] : [])),
  )
  const result = unwrap(await room().ingest({ origin, pdus, eventIds, rejected }, source.requestId))
  const dropped = verdicts.flatMap((verdict) =>
    verdict.kind === 'dropped' && verdict.eventId !== undefined ? [[verdict.eventId, { error: verdict.reason }] as const] : [],
  )
  return [
    ...dropped,
    ...result.verdicts.map(({ eventId, verdict }) => [eventId, 'reason' in verdict ? { error: verdict.reason } : {}] as const),
  ]
}
