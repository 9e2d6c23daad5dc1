import { MatrixError } from '../../../matrix/errors.ts'
import { computeEventId } from '../../../matrix/events/event-hashes.ts'
import { type ParsedPdu, parsePdu } from '../../../matrix/events/parse-pdu.ts'
import type { RoomVersionRules } from '../../../matrix/room-versions/rules.ts'
import type { ReceivedPdu } from './parse-transaction.ts'

/** A PDU of a valid format, or why it is dropped. */
export type FormatVerdict =
  | { readonly kind: 'ok'; readonly parsed: ParsedPdu }
  | { readonly kind: 'drop'; readonly eventId: string | undefined; readonly reason: string }

/** Members that identify and place an event: they end up in databases and logs, where U+0000 is trouble (SECURITY P3). */
const PLACING_MEMBERS = ['type', 'state_key', 'sender', 'room_id', 'event_id'] as const

/** Check 1 (server-server-api#checks-performed-on-receipt-of-a-pdu): the PDU is an event of its room version. Never throws. */
export function checkFormat({ pdu, roomId, inexact }: ReceivedPdu, rules: RoomVersionRules): FormatVerdict {
  const drop = (reason: string): FormatVerdict => ({ kind: 'drop', eventId: eventIdIfAny(pdu, rules), reason })
  if (inexact) return drop('The event has numbers that cannot be represented')
  for (const name of PLACING_MEMBERS) {
    const value = pdu[name]
    if (typeof value === 'string' && value.includes('\0')) return drop(`The event's ${name} contains U+0000`)
  }
  const parsed = parsePdu(pdu, rules, roomId)
  return parsed.ok ? { kind: 'ok', parsed } : drop(parsed.reason)
}

/** The ID under which the answer names a PDU that is dropped; some have none. */
export function eventIdIfAny(pdu: ReceivedPdu['pdu'], rules: RoomVersionRules): string | undefined {
  try {
    return computeEventId(pdu, rules)
  } catch (cause) {
    if (cause instanceof MatrixError) return undefined
    throw cause
  }
}
