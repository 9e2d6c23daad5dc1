import * as z from 'zod'
import { rawJson } from '../../../http/json-response.ts'
import { clientPaths } from '../../../http/path.ts'
import { roomId, userId } from '../../../http/schema/ids.ts'
import { jsonObject } from '../../../http/schema/json.ts'
import { unwrap } from '../../../runtime/outcome.ts'
import { endpoint } from '../../endpoint.ts'
import { requireOwnUser } from '../../own-user.ts'

/** Of the account as a whole, or of one room: the paths that name one. */
const Params = z.object({ userId, roomId: roomId.optional(), type: z.string().min(1).max(255) })
const PATHS = [...clientPaths('user/:userId/account_data/:type'), ...clientPaths('user/:userId/rooms/:roomId/account_data/:type')]
const UNSTABLE_PREFIX = '/_matrix/client/unstable/org.matrix.msc3391/user/:userId'

/** What a path names; the room of account data of the whole account is ''. */
const addressOf = (params: z.output<typeof Params>) => ({ roomId: params.roomId ?? '', type: params.type })

/**
 * `GET /user/{userId}/account_data/{type}` (client-server-api#get_matrixclientv3useruseridaccount_datatype), and of a room
 * (client-server-api#get_matrixclientv3useruseridroomsroomidaccount_datatype).
 */
export const getAccountData = endpoint(
  { method: 'GET', path: PATHS, auth: 'user', rateLimit: 'read', params: Params },
  async ({ params, ctx }) => {
    requireOwnUser(ctx, params.userId)
    return rawJson(unwrap(await ctx.session.accountData(addressOf(params))))
  },
)

/**
 * `PUT /user/{userId}/account_data/{type}` (client-server-api#put_matrixclientv3useruseridaccount_datatype), and of a room
 * (client-server-api#put_matrixclientv3useruseridroomsroomidaccount_datatype).
 */
export const putAccountData = endpoint(
  { method: 'PUT', path: PATHS, auth: 'user', standing: 'unlocked', rateLimit: 'write', params: Params, body: jsonObject },
  async ({ params, body, ctx }) => {
    requireOwnUser(ctx, params.userId)
    unwrap(await ctx.session.putAccountData(addressOf(params), body))
    return {}
  },
)

/** `DELETE /user/{userId}/account_data/{type}`, and of a room (MSC3391). What is not there is no error. */
export const deleteAccountData = endpoint(
  {
    method: 'DELETE',
    path: [`${UNSTABLE_PREFIX}/account_data/:type`, `${UNSTABLE_PREFIX}/rooms/:roomId/account_data/:type`],
    auth: 'user',
    standing: 'unlocked',
    rateLimit: 'write',
    params: Params,
  },
  async ({ params, ctx }) => {
    requireOwnUser(ctx, params.userId)
    unwrap(await ctx.session.putAccountData(addressOf(params), {}))
    return {}
  },
)
