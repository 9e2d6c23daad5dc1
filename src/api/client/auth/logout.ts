import { clientPaths } from '../../../http/path.ts'
import { unwrap } from '../../../runtime/outcome.ts'
import { endpoint } from '../../endpoint.ts'

/** `POST /logout` (client-server-api#post_matrixclientv3logout). */
export const logout = endpoint(
  { method: 'POST', path: clientPaths('logout'), auth: 'user', standing: 'any', rateLimit: 'none' },
  async ({ ctx }) => {
    unwrap(await ctx.session.logout())
    return {}
  },
)

/** `POST /logout/all` (client-server-api#post_matrixclientv3logoutall). */
export const logoutAll = endpoint(
  { method: 'POST', path: clientPaths('logout/all'), auth: 'user', standing: 'any', rateLimit: 'none' },
  async ({ ctx }) => {
    unwrap(await ctx.session.logoutAll())
    return {}
  },
)
