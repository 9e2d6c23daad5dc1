import * as z from 'zod'
import { requireRegisteredRoom } from '../../../domain/federation/federated-rooms.ts'
import { noteAskedAbout } from '../../../domain/federation/find-event.ts'
import { pduListJson } from '../../../domain/federation/pdu-lists.ts'
import { rawJson } from '../../../http/json-response.ts'
import * as ids from '../../../http/schema/ids.ts'
import { queryInteger, queryList } from '../../../http/schema/query.ts'
import { nowMs } from '../../../runtime/clock.ts'
import { unwrap } from '../../../runtime/outcome.ts'
import { serverEndpoint } from '../endpoint.ts'

const roomParams = z.object({ roomId: ids.roomId })
const eventQuery = z.object({ event_id: z.string().max(255) })
/** Events that `get_missing_events` answers unless told otherwise. */
const DEFAULT_MISSING_EVENTS = 10

/** `GET /_matrix/federation/v1/state_ids/{roomId}` (server-server-api#get_matrixfederationv1state_idsroomid). */
export const getStateIds = serverEndpoint(
  { method: 'GET', path: '/_matrix/federation/v1/state_ids/:roomId', params: roomParams, query: eventQuery },
  async ({ params, query, origin, ctx }) => {
    const room = await requireRegisteredRoom(ctx, params.roomId)
    const { state, authChain } = unwrap(await room.stateIdsForServer(origin.serverName, query.event_id))
    noteAskedAbout(ctx, origin.serverName, params.roomId)
    return { pdu_ids: state, auth_chain_ids: authChain }
  },
)

/** `GET /_matrix/federation/v1/state/{roomId}` (server-server-api#get_matrixfederationv1stateroomid). */
export const getState = serverEndpoint(
  { method: 'GET', path: '/_matrix/federation/v1/state/:roomId', params: roomParams, query: eventQuery },
  async ({ params: { roomId }, query, origin, ctx }) => {
    const room = await requireRegisteredRoom(ctx, roomId)
    const { state, authChain } = unwrap(await room.stateIdsForServer(origin.serverName, query.event_id))
    return rawJson(`{"pdus":[${await pduListJson(ctx, roomId, state)}],"auth_chain":[${await pduListJson(ctx, roomId, authChain)}]}`)
  },
)

/** `GET /_matrix/federation/v1/event_auth/{roomId}/{eventId}` (server-server-api#get_matrixfederationv1event_authroomideventid). */
export const getEventAuth = serverEndpoint(
  {
    method: 'GET',
    path: '/_matrix/federation/v1/event_auth/:roomId/:eventId',
    params: z.object({ roomId: ids.roomId, eventId: z.string().max(255) }),
  },
  async ({ params: { roomId, eventId }, origin, ctx }) => {
    const room = await requireRegisteredRoom(ctx, roomId)
    const chain = unwrap(await room.eventAuthForServer(origin.serverName, eventId))
    return rawJson(`{"auth_chain":[${await pduListJson(ctx, roomId, chain)}]}`)
  },
)

/** `GET /_matrix/federation/v1/backfill/{roomId}` (server-server-api#get_matrixfederationv1backfillroomid). */
export const getBackfill = serverEndpoint(
  {
    method: 'GET',
    path: '/_matrix/federation/v1/backfill/:roomId',
    params: roomParams,
    query: z.object({ v: queryList(), limit: queryInteger() }),
  },
  async ({ params, query, origin, ctx }) => {
    const room = await requireRegisteredRoom(ctx, params.roomId)
    const pdus = unwrap(await room.backfillForServer(origin.serverName, query.v, query.limit))
    return { origin: ctx.config.serverName, origin_server_ts: nowMs(), pdus }
  },
)

/** `POST /_matrix/federation/v1/get_missing_events/{roomId}` (server-server-api#post_matrixfederationv1get_missing_eventsroomid). */
export const getMissingEvents = serverEndpoint(
  {
    method: 'POST',
    path: '/_matrix/federation/v1/get_missing_events/:roomId',
    params: roomParams,
    body: z.object({
      earliest_events: z.array(z.string()),
      latest_events: z.array(z.string()),
      limit: z.int().optional(),
      min_depth: z.int().optional(),
    }),
  },
  async ({ params, body, origin, ctx }) => {
    const room = await requireRegisteredRoom(ctx, params.roomId)
    const request = {
      earliest: body.earliest_events,
      latest: body.latest_events,
      limit: body.limit ?? DEFAULT_MISSING_EVENTS,
      minDepth: body.min_depth ?? 0,
    }
    return { events: unwrap(await room.missingEventsForServer(origin.serverName, request)) }
  },
)
