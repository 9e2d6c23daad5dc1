import * as z from 'zod'
import { reportUser } from '../../../domain/moderation/report.ts'
import { clientPaths } from '../../../http/path.ts'
import { userId } from '../../../http/schema/ids.ts'
import { endpoint } from '../../endpoint.ts'
import { reasonText } from './reason.ts'

/** `POST /users/{userId}/report` (client-server-api#post_matrixclientv3usersuseridreport). */
export const reportUserEndpoint = endpoint(
  {
    method: 'POST',
    path: clientPaths('users/:userId/report'),
    auth: 'user',
    rateLimit: 'write',
    standing: 'unlocked',
    params: z.object({ userId }),
    body: z.object({ reason: reasonText }),
  },
  async ({ params, body, ctx }) => {
    await reportUser(ctx, params.userId, body.reason)
    return {}
  },
)
