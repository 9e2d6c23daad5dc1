import * as z from 'zod'
import { requireRegisteredRoom } from '../../../domain/federation/federated-rooms.ts'
import { lookAtConditions } from '../../../domain/federation/restricted-conditions.ts'
import type { RemoteAction, TemplateRequest } from '../../../durable/room/federation/membership-templates.ts'
import * as ids from '../../../http/schema/ids.ts'
import { queryList } from '../../../http/schema/query.ts'
import { forbidden } from '../../../matrix/errors.ts'
import { unwrap } from '../../../runtime/outcome.ts'
import { serverEndpoint } from '../endpoint.ts'

const endpointFor = (action: RemoteAction) =>
  serverEndpoint(
    {
      method: 'GET',
      path: `/_matrix/federation/v1/make_${action}/:roomId/:userId`,
      params: z.object({ roomId: ids.roomId, userId: ids.userId }),
      query: z.object({ ver: queryList() }),
    },
    async ({ params, query, origin, ctx }) => {
      // Without a word about versions a server means version 1 (server-server-api#get_matrixfederationv1make_joinroomiduserid).
      const versions = query.ver.length === 0 ? ['1'] : query.ver
      const request: TemplateRequest = { action, userId: params.userId, versions }
      const room = await requireRegisteredRoom(ctx, params.roomId)
      let answer = unwrap(await room.membershipTemplate(origin.serverName, request))
      if ('needsMembershipIn' in answer) {
        const conditions = await lookAtConditions(ctx, answer.needsMembershipIn, params.userId)
        answer = unwrap(await ctx.objects.room(params.roomId).membershipTemplate(origin.serverName, { ...request, conditions }))
      }
      if (!('event' in answer)) throw forbidden('The conditions of the room changed; try again')
      return { room_version: answer.roomVersion, event: answer.event }
    },
  )

/** `GET /_matrix/federation/v1/make_join/{roomId}/{userId}` (server-server-api#get_matrixfederationv1make_joinroomiduserid). */
export const makeJoin = endpointFor('join')
/** `GET /_matrix/federation/v1/make_leave/{roomId}/{userId}` (server-server-api#get_matrixfederationv1make_leaveroomiduserid). */
export const makeLeave = endpointFor('leave')
/** `GET /_matrix/federation/v1/make_knock/{roomId}/{userId}` (server-server-api#get_matrixfederationv1make_knockroomiduserid). */
export const makeKnock = endpointFor('knock')
