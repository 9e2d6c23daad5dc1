import type { ParsedPdu } from '../../../matrix/events/parse-pdu.ts'
import { redactPdu } from '../../../matrix/events/redaction.ts'
import type { JsonObject } from '../../../matrix/json.ts'
import type { RoomVersionRules } from '../../../matrix/room-versions/rules.ts'

/** What a PDU is processed as, and whether its content was taken out. */
export interface HashChecked {
  readonly pdu: JsonObject
  readonly redacted: boolean
}

/**
 * Check 3 (server-server-api#checks-performed-on-receipt-of-a-pdu): where the content is not what the hash says, only the redacted form, which
 * the signature covers, is processed further.
 */
export function checkHash({ event, contentHashMatches }: ParsedPdu, rules: RoomVersionRules): HashChecked {
  return contentHashMatches ? { pdu: event.pdu, redacted: false } : { pdu: redactPdu(event.pdu, rules), redacted: true }
}
