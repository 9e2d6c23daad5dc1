import * as z from 'zod'
import { administerStanding } from '../../../domain/accounts/standing.ts'
import { endpoint } from '../../endpoint.ts'

const PATH = '/_matrix/client/v1/admin/lock/:userId'
const Params = z.object({ userId: z.string() })

/** `GET /admin/lock/{userId}` (client-server-api#get_matrixclientv1adminlockuserid). */
export const getLock = endpoint(
  { method: 'GET', path: PATH, auth: 'user', rateLimit: 'read', params: Params },
  async ({ params, ctx }) => ({ locked: (await administerStanding(ctx, params.userId, {})).locked }),
)

/** `PUT /admin/lock/{userId}` (client-server-api#put_matrixclientv1adminlockuserid). */
export const putLock = endpoint(
  { method: 'PUT', path: PATH, auth: 'user', rateLimit: 'write', params: Params, body: z.object({ locked: z.boolean() }) },
  async ({ params, body, ctx }) => ({ locked: (await administerStanding(ctx, params.userId, { locked: body.locked })).locked }),
)
