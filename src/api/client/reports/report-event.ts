import * as z from 'zod'
import { reportEvent } from '../../../domain/moderation/report.ts'
import { clientPaths } from '../../../http/path.ts'
import { endpoint } from '../../endpoint.ts'
import { reasonText } from './reason.ts'

/** `POST /rooms/{roomId}/report/{eventId}` (client-server-api#post_matrixclientv3roomsroomidreporteventid). A `score`, as clients sent before 1.18, is passed over. */
export const reportEventEndpoint = endpoint(
  {
    method: 'POST',
    path: clientPaths('rooms/:roomId/report/:eventId'),
    auth: 'user',
    rateLimit: 'write',
    standing: 'unlocked',
    params: z.object({ roomId: z.string(), eventId: z.string() }),
    body: z.object({ reason: reasonText.optional() }),
  },
  async ({ params, body, ctx }) => {
    await reportEvent(ctx, params.roomId, params.eventId, body.reason)
    return {}
  },
)
