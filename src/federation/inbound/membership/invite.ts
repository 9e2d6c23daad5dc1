import * as z from 'zod'
import { receiveInvite } from '../../../domain/federation/receive-invite.ts'
import { rawJson } from '../../../http/json-response.ts'
import * as ids from '../../../http/schema/ids.ts'
import { jsonObject, jsonValue } from '../../../http/schema/json.ts'
import { isJsonObject } from '../../../matrix/json.ts'
import { serverEndpoint } from '../endpoint.ts'

/** `PUT /_matrix/federation/v2/invite/{roomId}/{eventId}` (server-server-api#put_matrixfederationv2inviteroomideventid). */
export const inviteV2 = serverEndpoint(
  {
    method: 'PUT',
    path: '/_matrix/federation/v2/invite/:roomId/:eventId',
    params: z.object({ roomId: ids.roomId, eventId: z.string().max(255) }),
    body: z.object({ room_version: z.string(), event: jsonObject, invite_room_state: jsonValue.optional() }),
  },
  async ({ params: { roomId, eventId }, body, origin, ctx }) => ({
    event: await receiveInvite(ctx, origin.serverName, {
      roomId,
      eventId,
      version: body.room_version,
      pdu: body.event,
      inviteState: body.invite_room_state,
    }),
  }),
)

/**
 * `PUT /_matrix/federation/v1/invite/{roomId}/{eventId}`, the older form (server-server-api#put_matrixfederationv1inviteroomideventid): the event itself. It does not
 * name the room's version, which then is 1 or 2, between which events do not differ.
 */
export const inviteV1 = serverEndpoint(
  {
    method: 'PUT',
    path: '/_matrix/federation/v1/invite/:roomId/:eventId',
    params: z.object({ roomId: ids.roomId, eventId: z.string().max(255) }),
    body: jsonObject,
  },
  async ({ params: { roomId, eventId }, body, origin, ctx }) => {
    const { unsigned, ...pdu } = body
    const inviteState = isJsonObject(unsigned) ? unsigned.invite_room_state : undefined
    const event = await receiveInvite(ctx, origin.serverName, { roomId, eventId, version: '1', pdu, inviteState })
    return rawJson(`[200,${JSON.stringify({ event })}]`)
  },
)
