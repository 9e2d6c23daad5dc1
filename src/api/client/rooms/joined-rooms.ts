import { clientPaths } from '../../../http/path.ts'
import { unwrap } from '../../../runtime/outcome.ts'
import { endpoint } from '../../endpoint.ts'

/** `GET /joined_rooms` (client-server-api#get_matrixclientv3joined_rooms). */
export const joinedRooms = endpoint(
  { method: 'GET', path: clientPaths('joined_rooms'), auth: 'user', rateLimit: 'read' },
  async ({ ctx }) => ({
    joined_rooms: unwrap(await ctx.session.joinedRooms()),
  }),
)
