import type { KeyQuestion } from '../../../federation/outbound/keys/key-memory.ts'
import type { KeyLookup } from '../../../matrix/events/event-signatures.ts'
import type { RoomEvent } from '../../../matrix/events/room-event.ts'
import type { RoomVersionRules } from '../../../matrix/room-versions/rules.ts'
import { checkFormat } from './check-format.ts'
import { checkHash } from './check-hash.ts'
import { checkSignatures, keysNeeded } from './check-signatures.ts'
import type { ReceivedPdu } from './parse-transaction.ts'

/**
 * What became of a PDU before its room has seen it. `verified`: for the room to decide. `rejected`: for the room to store as rejected, whatever
 * else it finds. `dropped`: gone; without an ID there is nothing to name in the answer. Events are redacted where their content is not what its hash says.
 */
export type PduVerdict =
  | { readonly kind: 'verified'; readonly eventId: string; readonly event: RoomEvent; readonly redacted: boolean }
  | { readonly kind: 'rejected'; readonly eventId: string; readonly event: RoomEvent; readonly reason: string }
  | { readonly kind: 'dropped'; readonly eventId: string | undefined; readonly reason: string }

/** Fetches keys and answers by which to look them up: `KeyRing.eventKeys` with its registry. */
export type FetchKeys = (questions: readonly KeyQuestion[]) => Promise<KeyLookup>

/**
 * The checks of a room's PDUs that need no state: format, signatures, hash, in this order (server-server-api#checks-performed-on-receipt-of-a-pdu).
 * Keys are fetched once for all of them. Verdicts in the order of the PDUs.
 * @param unvouchedBy a server whose signature under a restricted join is not looked for, because it is yet to be made.
 */
export async function verifyPdus(
  received: readonly ReceivedPdu[],
  rules: RoomVersionRules,
  fetchKeys: FetchKeys,
  unvouchedBy?: string,
): Promise<PduVerdict[]> {
  const formats = received.map((pdu) => checkFormat(pdu, rules))
  const questions = formats.flatMap((format) => (format.kind === 'ok' ? keysNeeded(format.parsed, rules) : []))
  const findKey = await fetchKeys(questions)
  return formats.map((format): PduVerdict => {
    if (format.kind === 'drop') return { kind: 'dropped', eventId: format.eventId, reason: format.reason }
    const { parsed } = format
    const { eventId } = parsed.event
    const signatures = checkSignatures(parsed, rules, findKey, unvouchedBy)
    if (signatures.kind === 'drop') return { kind: 'dropped', eventId, reason: signatures.reason }
    const { event, redacted } = checkHash(parsed, rules)
    if (signatures.kind === 'reject') return { kind: 'rejected', eventId, event, reason: signatures.reason }
    return { kind: 'verified', eventId, event, redacted }
  })
}
