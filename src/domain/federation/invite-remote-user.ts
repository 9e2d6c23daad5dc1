import type { Caller } from '../../durable/protocol.ts'
import { outboundOf } from '../../federation/outbound/outbound.ts'
import { clientError, OutboundError } from '../../federation/outbound/outbound-error.ts'
import { canonicalJson } from '../../matrix/canonical-json.ts'
import { isJsonObject, type JsonObject } from '../../matrix/json.ts'
import { findRoomVersionRules } from '../../matrix/room-versions/rules.ts'
import { mergeSignatures } from '../../matrix/signing.ts'
import { unwrap } from '../../runtime/outcome.ts'
import type { RequestContext } from '../context.ts'
import { serverOfUser } from '../rooms/local-users.ts'
import { isSignedBy, verifyRoomPdus } from './ingest/verify-room-pdus.ts'
import { MAKE_TIMEOUT_MS } from './limits.ts'

/**
 * Invites a user of another server (server-server-api#inviting-to-a-room): that server signs the invitation before it becomes part of the room. Answers the event ID.
 * @throws MatrixError what the rules or the other server say. Nothing is stored then.
 */
export async function inviteRemoteUser(
  ctx: RequestContext,
  caller: Caller,
  roomId: string,
  target: string,
  content: JsonObject,
): Promise<string> {
  const { eventId, pdu, version, inviteState } = unwrap(await ctx.objects.room(roomId).prepareInvite(caller, target, content))
  const serverName = serverOfUser(target)
  const path = `/_matrix/federation/v2/invite/${encodeURIComponent(roomId)}/${encodeURIComponent(eventId)}`
  const state: unknown = JSON.parse(inviteState)
  const body: JsonObject = { room_version: version, event: pdu, invite_room_state: Array.isArray(state) ? state.filter(isJsonObject) : [] }
  let signed: JsonObject
  try {
    const answer = await outboundOf(ctx.env).client.json(serverName, {
      method: 'PUT',
      path,
      canonicalBody: canonicalJson(body),
      timeoutMs: MAKE_TIMEOUT_MS,
    })
    signed = await signedInvite(ctx, roomId, version, serverName, pdu, eventId, answer)
  } catch (cause) {
    throw clientError(cause, 'The server of that user')
  }
  return unwrap(await ctx.objects.room(roomId).appendInvite(caller, signed)).eventId
}

/** Our invitation with the other server's signatures, if it signed what we made. */
async function signedInvite(
  ctx: RequestContext,
  roomId: string,
  version: string,
  serverName: string,
  own: JsonObject,
  eventId: string,
  answer: JsonObject,
): Promise<JsonObject> {
  const rules = findRoomVersionRules(version)
  if (rules === undefined || !isJsonObject(answer.event)) throw new OutboundError('invalid', 'the invitation was not signed')
  const [verified] = await verifyRoomPdus(ctx, rules, roomId, [answer.event])
  const signed = verified?.kind === 'verified' ? verified.event : undefined
  if (signed?.eventId !== eventId) throw new OutboundError('invalid', 'the invitation came back as something else')
  if (!(await isSignedBy(ctx, rules, roomId, signed, serverName))) {
    throw new OutboundError('invalid', 'the invitation was not signed by the server of the invited user')
  }
  // Ours stay, and that of the room's policy server.
  return { ...own, signatures: mergeSignatures(own.signatures, signed.pdu.signatures) }
}
