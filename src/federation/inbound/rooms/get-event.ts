import * as z from 'zod'
import { findEventForServer } from '../../../domain/federation/find-event.ts'
import { nowMs } from '../../../runtime/clock.ts'
import { serverEndpoint } from '../endpoint.ts'

/** `GET /_matrix/federation/v1/event/{eventId}` (server-server-api#get_matrixfederationv1eventeventid). */
export const getEvent = serverEndpoint(
  { method: 'GET', path: '/_matrix/federation/v1/event/:eventId', params: z.object({ eventId: z.string().max(255) }) },
  async ({ params, origin, ctx }) => ({
    origin: ctx.config.serverName,
    origin_server_ts: nowMs(),
    pdus: [await findEventForServer(ctx, origin.serverName, params.eventId)],
  }),
)
