import * as z from 'zod'
import { receiveInvite } from '../../../domain/federation/receive-invite.ts'
import * as ids from '../../../http/schema/ids.ts'
import { jsonObject, jsonValue } from '../../../http/schema/json.ts'
import { MatrixError } from '../../../matrix/errors.ts'
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
 * `PUT /_matrix/federation/v1/invite/{roomId}/{eventId}`, the older form (server-server-api#put_matrixfederationv1inviteroomideventid). It does not name the
 * room's version, which then is 1 or 2: of rooms that this server does not join. Those who ask try the other form.
 */
export const inviteV1 = serverEndpoint(
  { method: 'PUT', path: '/_matrix/federation/v1/invite/:roomId/:eventId', params: z.object({ roomId: ids.roomId }), body: jsonObject },
  () => {
    throw new MatrixError(400, 'M_INCOMPATIBLE_ROOM_VERSION', 'This server takes part in no rooms of version 1', { room_version: '1' })
  },
)
