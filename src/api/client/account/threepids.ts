import { clientPaths } from '../../../http/path.ts'
import { unwrap } from '../../../runtime/outcome.ts'
import { endpoint } from '../../endpoint.ts'

/** `GET /account/3pid` (client-server-api#get_matrixclientv3account3pid): accounts here have no third-party identifiers. */
export const threepids = endpoint(
  { method: 'GET', path: clientPaths('account/3pid'), auth: 'user', rateLimit: 'read' },
  async ({ ctx }) => {
    unwrap(await ctx.session.whoami())
    return { threepids: [] }
  },
)
