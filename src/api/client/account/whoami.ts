import { clientPaths } from '../../../http/path.ts'
import { unwrap } from '../../../runtime/outcome.ts'
import { endpoint } from '../../endpoint.ts'

/** `GET /account/whoami` (client-server-api#get_matrixclientv3accountwhoami). */
export const whoami = endpoint({ method: 'GET', path: clientPaths('account/whoami'), auth: 'user', rateLimit: 'read' }, async ({ ctx }) => {
  const { userId, deviceId } = unwrap(await ctx.session.whoami())
  return { user_id: userId, device_id: deviceId, is_guest: false }
})
