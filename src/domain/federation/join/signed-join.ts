import { OutboundError } from '../../../federation/outbound/outbound-error.ts'
import type { RoomEvent } from '../../../matrix/events/room-event.ts'
import { isJsonObject, type JsonValue } from '../../../matrix/json.ts'
import type { RoomVersionRules } from '../../../matrix/room-versions/rules.ts'
import { verifiedEvents, verifyRoomPdus } from '../ingest/verify-room-pdus.ts'
import type { JoinContext } from './join-context.ts'

/** Our join, with the signature of the server that vouches for it where one had to. */
export async function signedJoin(
  ctx: JoinContext,
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
