import * as z from 'zod'
import { serveDevices } from '../../../domain/e2ee/serve-keys.ts'
import { serverEndpoint } from '../endpoint.ts'

/** `GET /_matrix/federation/v1/user/devices/{userId}` (server-server-api#get_matrixfederationv1userdevicesuserid). */
export const getUserDevices = serverEndpoint(
  { method: 'GET', path: '/_matrix/federation/v1/user/devices/:userId', params: z.object({ userId: z.string() }) },
  ({ params, origin, ctx }) => serveDevices(ctx, origin.serverName, params.userId),
)
