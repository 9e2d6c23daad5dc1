import type { ParsedPdu } from '../../../matrix/events/parse-pdu.ts'
import { redactEvent } from '../../../matrix/events/redaction.ts'
import type { RoomEvent } from '../../../matrix/events/room-event.ts'
import type { RoomVersionRules } from '../../../matrix/room-versions/rules.ts'

/** What a PDU is processed as, and whether its content was taken out. */
export interface HashChecked {
  readonly event: RoomEvent
  readonly redacted: boolean
}

/**
 * Check 3 (server-server-api#checks-performed-on-receipt-of-a-pdu): where the content is not what the hash says, only the redacted form, which
 * the signature covers, is processed further.
 */
export function checkHash({ event, contentHashMatches }: ParsedPdu, rules: RoomVersionRules): HashChecked {
  return contentHashMatches ? { event, redacted: false } : { event: redactEvent(event, rules), redacted: true }
}
