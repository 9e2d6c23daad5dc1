import { forbidden, invalidParam, MatrixError, notFound } from '../../matrix/errors.ts'
import { cosignPdu } from '../../matrix/events/create-event.ts'
import { parsePdu } from '../../matrix/events/parse-pdu.ts'
import type { RoomEvent } from '../../matrix/events/room-event.ts'
import { parseUserId } from '../../matrix/ids/user-id.ts'
import { isJsonObject, type JsonObject, type JsonValue } from '../../matrix/json.ts'
import { findRoomVersionRules, type RoomVersionRules } from '../../matrix/room-versions/rules.ts'
import { signerOf } from '../../runtime/event-signer.ts'
import { accountExists } from '../../storage/d1/accounts.ts'
import { roomExists } from '../../storage/d1/rooms.ts'
import type { RequestContext } from '../context.ts'
import { verifiedEvents, verifyRoomPdus } from './ingest/verify-room-pdus.ts'
import { FEDERATED_ROOM_VERSIONS, MAX_INVITE_STATE_EVENTS } from './limits.ts'
import { strippedStateFrom } from './stripped-state.ts'
import { tellUser } from './tell-user.ts'

/** What `PUT /invite` brings. */
export interface ReceivedInvite {
  readonly roomId: string
  readonly eventId: string
  readonly version: string
  readonly pdu: JsonObject
  readonly inviteState: JsonValue | undefined
}

/**
 * Takes an invitation of a user of this server and signs it (F9): only one that a user of the asking server sends, to an account that exists and does not refuse it, exactly as the path names it. Answers the PDU
 * with our signature, which covers its redacted form.
 */
export async function receiveInvite(ctx: RequestContext, serverName: string, invite: ReceivedInvite): Promise<JsonObject> {
  const { roomId, version, pdu } = invite
  const rules = FEDERATED_ROOM_VERSIONS.includes(version) ? findRoomVersionRules(version) : undefined
  if (rules === undefined) {
    throw new MatrixError(400, 'M_INCOMPATIBLE_ROOM_VERSION', 'This server does not know that room version', { room_version: version })
  }
  const event = checkInvite(ctx, serverName, invite, rules)
  if (verifiedEvents(await verifyRoomPdus(ctx, rules, roomId, [pdu])).length === 0)
    throw invalidParam('The invitation is not signed by your server')
  const target = event.stateKey ?? ''
  if (!(await accountExists(ctx.registry, parseUserId(target)?.localpart ?? ''))) throw notFound('There is no such user')
  const permitted = await ctx.objects.user(target).invitedBy(event.sender)
  // A deactivated account says nothing; one that cannot say is not invited.
  if (!permitted.ok && permitted.error.errcode !== 'M_NOT_FOUND') throw MatrixError.fromShape(permitted.error)
  const isHere = (await roomExists(ctx.registry, roomId)) && (await ctx.objects.room(roomId).isResident())
  if (isHere && !(await ctx.objects.room(roomId).admitsServer(serverName))) throw forbidden('Your server is denied access to this room')
  // Where somebody here is in the room, the invitation comes as an event like any other, and the room itself tells the user.
  if (!isHere) {
    const shown = strippedStateFrom(invite.inviteState)
    const own = { type: event.type, state_key: target, sender: event.sender, content: event.content }
    const { eventId, sender } = event
    const isDirect = event.content.is_direct === true
    await tellUser(ctx, { userId: target, roomId, membership: 'invite', eventId, sender, strippedState: [...shown, own], isDirect })
  }
  return cosignPdu(event.pdu, rules, signerOf(ctx.config))
}

/** The checks that need no keys. @throws MatrixError M_INVALID_PARAM. */
function checkInvite(ctx: RequestContext, serverName: string, invite: ReceivedInvite, rules: RoomVersionRules): RoomEvent {
  const parsed = parsePdu(invite.pdu, rules, invite.roomId)
  if (!parsed.ok) throw invalidParam(`The event is malformed: ${parsed.reason}`)
  const { event } = parsed
  if (!parsed.contentHashMatches) throw invalidParam('The content of the event is not what its hash says')
  if (event.eventId !== invite.eventId) throw invalidParam('The event is not the one that the path names')
  if (event.type !== 'm.room.member' || event.content.membership !== 'invite') throw invalidParam('The event is no invitation')
  if (parseUserId(event.sender)?.serverName !== serverName) throw invalidParam('The inviting user is of another server')
  if (parseUserId(event.stateKey ?? '')?.serverName !== ctx.config.serverName) throw invalidParam('The invited user is not of this server')
  if (rules.roomIdIsCreateHash && !provesRoom(invite, rules)) throw invalidParam('invite_room_state has no create event of this room')
  return event
}

/** Whether the create event is shown whose hash the room's ID is: nobody else can have invented the room (server-server-api#inviting-to-a-room). */
function provesRoom({ inviteState, roomId }: ReceivedInvite, rules: RoomVersionRules): boolean {
  const shown: readonly JsonValue[] = Array.isArray(inviteState) ? inviteState.slice(0, MAX_INVITE_STATE_EVENTS) : []
  return shown.some((pdu) => isJsonObject(pdu) && pdu.type === 'm.room.create' && parsePdu(pdu, rules, roomId).ok)
}
