import * as z from 'zod'
import { listedRoom } from '../../../domain/rooms/access.ts'
import { clientPaths } from '../../../http/path.ts'
import { forbidden } from '../../../matrix/errors.ts'
import { unwrap } from '../../../runtime/outcome.ts'
import { endpoint } from '../../endpoint.ts'

/** How long somebody types who does not say how long, in milliseconds. */
const DEFAULT_TYPING_MS = 30_000

/** `PUT /rooms/{roomId}/typing/{userId}` (client-server-api#put_matrixclientv3roomsroomidtypinguserid). */
export const setTyping = endpoint(
  {
    method: 'PUT',
    path: clientPaths('rooms/:roomId/typing/:userId'),
    auth: 'user',
    rateLimit: 'ephemeral',
    params: z.object({ roomId: z.string(), userId: z.string() }),
    body: z.object({ typing: z.boolean(), timeout: z.int().min(0).default(DEFAULT_TYPING_MS) }),
  },
  async ({ params, body, ctx }) => {
    const { caller } = await listedRoom(ctx, params.roomId)
    if (params.userId !== caller.userId) throw forbidden('You cannot type for somebody else')
    unwrap(await ctx.objects.room(params.roomId).setTyping(caller, body.typing ? body.timeout : 0))
    return {}
  },
)
