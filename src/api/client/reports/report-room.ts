import * as z from 'zod'
import { reportRoom } from '../../../domain/moderation/report.ts'
import { clientPaths } from '../../../http/path.ts'
import { endpoint } from '../../endpoint.ts'
import { reasonText } from './reason.ts'

/** `POST /rooms/{roomId}/report` (client-server-api#post_matrixclientv3roomsroomidreport). */
export const reportRoomEndpoint = endpoint(
  {
    method: 'POST',
    path: clientPaths('rooms/:roomId/report'),
    auth: 'user',
    rateLimit: 'write',
    standing: 'unlocked',
    params: z.object({ roomId: z.string() }),
    body: z.object({ reason: reasonText }),
  },
  async ({ params, body, ctx }) => {
    await reportRoom(ctx, params.roomId, body.reason)
    return {}
  },
)
