import * as z from 'zod'
import type { RequestContext } from '../../../domain/context.ts'
import { acceptRemoteMembership, type TakenIn } from '../../../domain/federation/accept-remote-membership.ts'
import { pduListJson } from '../../../domain/federation/pdu-lists.ts'
import { rawJson } from '../../../http/json-response.ts'
import * as ids from '../../../http/schema/ids.ts'
import { jsonObject } from '../../../http/schema/json.ts'
import { queryBoolean } from '../../../http/schema/query.ts'
import { serverEndpoint } from '../endpoint.ts'

const params = z.object({ roomId: ids.roomId, eventId: z.string().max(255) })
const query = z.object({ omit_members: queryBoolean().default(false) })
const body = jsonObject
/** One event and its wrapping. */
const MAX_EVENT_BODY_BYTES = 128 * 1024

/** `PUT /_matrix/federation/v2/send_join/{roomId}/{eventId}`, with members left out where the other server wants that (server-server-api#put_matrixfederationv2send_joinroomideventid). */
export const sendJoin = serverEndpoint(
  { method: 'PUT', path: '/_matrix/federation/v2/send_join/:roomId/:eventId', params, query, body, maxBodyBytes: MAX_EVENT_BODY_BYTES },
  async ({ params: { roomId, eventId }, query: { omit_members: omitMembers }, origin, ctx }) => {
    const sent = { action: 'join', roomId, eventId, pdu: origin.body, omitMembers } as const
    const taken = await acceptRemoteMembership(ctx, origin.serverName, sent)
    return rawJson(await joinAnswer(ctx, roomId, taken))
  },
)

/** `PUT /_matrix/federation/v1/send_join/{roomId}/{eventId}`, the older form (server-server-api#put_matrixfederationv1send_joinroomideventid). */
export const sendJoinV1 = serverEndpoint(
  { method: 'PUT', path: '/_matrix/federation/v1/send_join/:roomId/:eventId', params, body, maxBodyBytes: MAX_EVENT_BODY_BYTES },
  async ({ params: { roomId, eventId }, origin, ctx }) => {
    const taken = await acceptRemoteMembership(ctx, origin.serverName, { action: 'join', roomId, eventId, pdu: origin.body })
    return rawJson(`[200,${await joinAnswer(ctx, roomId, taken)}]`)
  },
)

async function joinAnswer(ctx: RequestContext, roomId: string, { pdu, before, servers }: TakenIn): Promise<string> {
  const state = await pduListJson(ctx, roomId, before?.state ?? [])
  const chain = await pduListJson(ctx, roomId, before?.authChain ?? [])
  const origin = JSON.stringify(ctx.config.serverName)
  const omitted = servers === undefined ? '"members_omitted":false' : `"members_omitted":true,"servers_in_room":${JSON.stringify(servers)}`
  return `{"origin":${origin},"event":${JSON.stringify(pdu)},${omitted},"state":[${state}],"auth_chain":[${chain}]}`
}

/** `PUT /_matrix/federation/v2/send_leave/{roomId}/{eventId}` (server-server-api#put_matrixfederationv2send_leaveroomideventid). */
export const sendLeave = serverEndpoint(
  { method: 'PUT', path: '/_matrix/federation/v2/send_leave/:roomId/:eventId', params, body, maxBodyBytes: MAX_EVENT_BODY_BYTES },
  async ({ params: { roomId, eventId }, origin, ctx }) => {
    await acceptRemoteMembership(ctx, origin.serverName, { action: 'leave', roomId, eventId, pdu: origin.body })
    return {}
  },
)

/** `PUT /_matrix/federation/v1/send_leave/{roomId}/{eventId}`, the older form (server-server-api#put_matrixfederationv1send_leaveroomideventid). */
export const sendLeaveV1 = serverEndpoint(
  { method: 'PUT', path: '/_matrix/federation/v1/send_leave/:roomId/:eventId', params, body, maxBodyBytes: MAX_EVENT_BODY_BYTES },
  async ({ params: { roomId, eventId }, origin, ctx }) => {
    await acceptRemoteMembership(ctx, origin.serverName, { action: 'leave', roomId, eventId, pdu: origin.body })
    return rawJson('[200,{}]')
  },
)

/** `PUT /_matrix/federation/v1/send_knock/{roomId}/{eventId}` (server-server-api#put_matrixfederationv1send_knockroomideventid). */
export const sendKnock = serverEndpoint(
  { method: 'PUT', path: '/_matrix/federation/v1/send_knock/:roomId/:eventId', params, body, maxBodyBytes: MAX_EVENT_BODY_BYTES },
  async ({ params: { roomId, eventId }, origin, ctx }) => {
    const taken = await acceptRemoteMembership(ctx, origin.serverName, { action: 'knock', roomId, eventId, pdu: origin.body })
    return rawJson(`{"knock_room_state":${taken.strippedState ?? '[]'}}`)
  },
)
