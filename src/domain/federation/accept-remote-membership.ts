import type { AcceptAnswer, AcceptRequest } from '../../durable/room/federation/accept-membership.ts'
import { badJson, forbidden, invalidParam } from '../../matrix/errors.ts'
import { parseUserId } from '../../matrix/ids/user-id.ts'
import type { JsonObject } from '../../matrix/json.ts'
import { unwrap } from '../../runtime/outcome.ts'
import type { RequestContext } from '../context.ts'
import { requireRegisteredRoom, rulesOfRoom } from './federated-rooms.ts'
import { verifyRoomPdus } from './ingest/verify-room-pdus.ts'
import { lookAtConditions } from './restricted-conditions.ts'

/** What `send_join`, `send_leave` and `send_knock` bring. */
export interface SentMembership {
  readonly action: AcceptRequest['action']
  readonly roomId: string
  readonly eventId: string
  readonly pdu: JsonObject | undefined
  /** Of a join: the other server can do without most members. */
  readonly omitMembers?: boolean
}

/** A membership that was taken in. */
export type TakenIn = Extract<AcceptAnswer, { readonly pdu: JsonObject }>

/**
 * Takes in a membership event that another server signed (F11): its signature is verified here, everything else by the room.
 * @throws MatrixError M_NOT_FOUND, M_INVALID_PARAM, M_FORBIDDEN and what restricted rooms refuse with.
 */
export async function acceptRemoteMembership(ctx: RequestContext, serverName: string, sent: SentMembership): Promise<TakenIn> {
  const { action, roomId, eventId, pdu, omitMembers = false } = sent
  if (pdu === undefined) throw badJson('The event is missing')
  const room = await requireRegisteredRoom(ctx, roomId)
  await requireSignature(ctx, roomId, pdu)
  const request: AcceptRequest = { action, eventId, pdu, omitMembers }
  let answer = unwrap(await room.acceptMembership(serverName, request, ctx.requestId))
  if ('needsMembershipIn' in answer) {
    const userId = typeof pdu.sender === 'string' ? pdu.sender : ''
    const conditions = await lookAtConditions(ctx, answer.needsMembershipIn, userId)
    answer = unwrap(await ctx.objects.room(roomId).acceptMembership(serverName, { ...request, conditions }, ctx.requestId))
  }
  if ('needsMembershipIn' in answer) throw forbidden('The conditions of the room changed; try again')
  return answer
}

/** The event is signed by its sender's server; a join that names somebody of this server to vouch for it is yet to be signed by us. */
async function requireSignature(ctx: RequestContext, roomId: string, pdu: JsonObject): Promise<void> {
  const rules = await rulesOfRoom(ctx, roomId)
  const [verified] = await verifyRoomPdus(ctx, rules, roomId, [pdu], { unvouchedBy: ctx.config.serverName })
  if (verified?.kind !== 'verified') throw invalidParam(`The event cannot be accepted: ${verified?.reason ?? 'it is empty'}`)
  if (parseUserId(verified.event.sender) === undefined) throw invalidParam('The sender is no user')
}
