import * as z from 'zod'
import { clientPaths } from '../../../http/path.ts'
import { unwrap } from '../../../runtime/outcome.ts'
import { confirmedResponse, uiaRequest } from '../../confirmed.ts'
import { endpoint } from '../../endpoint.ts'
import { auth } from '../auth/schema.ts'

/** Devices removed by one request. */
const MAX_DEVICES_AT_ONCE = 500
const Params = z.object({ deviceId: z.string() })

/** `GET /devices` (client-server-api#get_matrixclientv3devices). */
export const listDevices = endpoint({ method: 'GET', path: clientPaths('devices'), auth: 'user', rateLimit: 'read' }, async ({ ctx }) => ({
  devices: unwrap(await ctx.session.devices()),
}))

/** `GET /devices/{deviceId}` (client-server-api#get_matrixclientv3devicesdeviceid). */
export const getDevice = endpoint(
  { method: 'GET', path: clientPaths('devices/:deviceId'), auth: 'user', rateLimit: 'read', params: Params },
  async ({ params, ctx }) => unwrap(await ctx.session.device(params.deviceId)),
)

/** `PUT /devices/{deviceId}` (client-server-api#put_matrixclientv3devicesdeviceid). */
export const putDevice = endpoint(
  {
    method: 'PUT',
    path: clientPaths('devices/:deviceId'),
    auth: 'user',
    standing: 'unlocked',
    rateLimit: 'write',
    params: Params,
    body: z.object({ display_name: z.string().nullish() }),
  },
  async ({ params, body, ctx }) => {
    unwrap(await ctx.session.renameDevice(params.deviceId, body.display_name ?? undefined))
    return {}
  },
)

/** `DELETE /devices/{deviceId}` (client-server-api#delete_matrixclientv3devicesdeviceid). */
export const deleteDevice = endpoint(
  {
    method: 'DELETE',
    path: clientPaths('devices/:deviceId'),
    auth: 'user',
    standing: 'unlocked',
    rateLimit: 'account',
    params: Params,
    body: z.object({ auth }),
    emptyBody: true,
  },
  async ({ params, body, ctx }) => {
    const uia = uiaRequest(ctx, 'DELETE devices', [params.deviceId], body.auth)
    return confirmedResponse(ctx, await ctx.session.deleteDevices([params.deviceId], uia), {})
  },
)

/** `POST /delete_devices` (client-server-api#post_matrixclientv3delete_devices). */
export const deleteDevices = endpoint(
  {
    method: 'POST',
    path: clientPaths('delete_devices'),
    auth: 'user',
    standing: 'unlocked',
    rateLimit: 'account',
    body: z.object({ devices: z.array(z.string()).max(MAX_DEVICES_AT_ONCE), auth }),
  },
  async ({ body, ctx }) => {
    const uia = uiaRequest(ctx, 'POST delete_devices', [body.devices], body.auth)
    return confirmedResponse(ctx, await ctx.session.deleteDevices(body.devices, uia), {})
  },
)
