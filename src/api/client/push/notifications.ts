import * as z from 'zod'
import { readNotifications } from '../../../domain/push/notifications.ts'
import { rawJson } from '../../../http/json-response.ts'
import { clientPaths } from '../../../http/path.ts'
import { queryInteger } from '../../../http/schema/query.ts'
import { endpoint } from '../../endpoint.ts'

const query = z.object({
  from: z.string().optional(),
  limit: queryInteger().pipe(z.number().min(1)).optional(),
  only: z.string().optional(),
})

/** `GET /notifications` (client-server-api#get_matrixclientv3notifications). Other values of `only` than `highlight` filter nothing. */
export const getNotifications = endpoint(
  { method: 'GET', path: clientPaths('notifications'), auth: 'user', rateLimit: 'read', query },
  async ({ query: { from, limit, only }, ctx }) =>
    rawJson(await readNotifications(ctx, { from: from === '' ? undefined : from, limit, onlyHighlights: only === 'highlight' })),
)
