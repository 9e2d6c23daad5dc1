import * as z from 'zod'
import { receiveInvite } from '../../../domain/federation/receive-invite.ts'
import * as ids from '../../../http/schema/ids.ts'
import { jsonObject, jsonValue } from '../../../http/schema/json.ts'
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
