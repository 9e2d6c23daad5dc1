import * as z from 'zod'
import { administerStanding } from '../../../domain/accounts/standing.ts'
import { endpoint } from '../../endpoint.ts'

const PATH = '/_matrix/client/v1/admin/suspend/:userId'
const Params = z.object({ userId: z.string() })

/** `GET /admin/suspend/{userId}` (client-server-api#get_matrixclientv1adminsuspenduserid). */
export const getSuspension = endpoint(
  { method: 'GET', path: PATH, auth: 'user', rateLimit: 'read', params: Params },
  async ({ params, ctx }) => ({ suspended: (await administerStanding(ctx, params.userId, {})).suspended }),
)

/** `PUT /admin/suspend/{userId}` (client-server-api#put_matrixclientv1adminsuspenduserid). */
export const putSuspension = endpoint(
  { method: 'PUT', path: PATH, auth: 'user', rateLimit: 'write', params: Params, body: z.object({ suspended: z.boolean() }) },
  async ({ params, body, ctx }) => ({ suspended: (await administerStanding(ctx, params.userId, { suspended: body.suspended })).suspended }),
)
