import * as z from 'zod'
import { rawJson } from '../../../http/json-response.ts'
import { clientPaths } from '../../../http/path.ts'
import { roomId, userId } from '../../../http/schema/ids.ts'
import { jsonObject } from '../../../http/schema/json.ts'
import { unwrap } from '../../../runtime/outcome.ts'
import { endpoint } from '../../endpoint.ts'
import { requireOwnUser } from '../../own-user.ts'

const type = z.string().min(1).max(255)
const GlobalParams = z.object({ userId, type })
const RoomParams = z.object({ userId, roomId, type })
const GLOBAL_PATH = clientPaths('user/:userId/account_data/:type')
const ROOM_PATH = clientPaths('user/:userId/rooms/:roomId/account_data/:type')
const UNSTABLE_PREFIX = '/_matrix/client/unstable/org.matrix.msc3391/user/:userId'

/** `GET /user/{userId}/account_data/{type}` (client-server-api#get_matrixclientv3useruseridaccount_datatype). */
export const getAccountData = endpoint(
  { method: 'GET', path: GLOBAL_PATH, auth: 'user', rateLimit: 'read', params: GlobalParams },
  async ({ params, ctx }) => {
    requireOwnUser(ctx, params.userId)
    return rawJson(unwrap(await ctx.session.accountData({ roomId: '', type: params.type })))
  },
)

/** `PUT /user/{userId}/account_data/{type}` (client-server-api#put_matrixclientv3useruseridaccount_datatype). */
export const putAccountData = endpoint(
  { method: 'PUT', path: GLOBAL_PATH, auth: 'user', standing: 'unlocked', rateLimit: 'write', params: GlobalParams, body: jsonObject },
  async ({ params, body, ctx }) => {
    requireOwnUser(ctx, params.userId)
    unwrap(await ctx.session.putAccountData({ roomId: '', type: params.type }, body))
    return {}
  },
)

/** `GET /user/{userId}/rooms/{roomId}/account_data/{type}` (client-server-api#get_matrixclientv3useruseridroomsroomidaccount_datatype). */
export const getRoomAccountData = endpoint(
  { method: 'GET', path: ROOM_PATH, auth: 'user', rateLimit: 'read', params: RoomParams },
  async ({ params, ctx }) => {
    requireOwnUser(ctx, params.userId)
    return rawJson(unwrap(await ctx.session.accountData({ roomId: params.roomId, type: params.type })))
  },
)

/** `PUT /user/{userId}/rooms/{roomId}/account_data/{type}` (client-server-api#put_matrixclientv3useruseridroomsroomidaccount_datatype). */
export const putRoomAccountData = endpoint(
  { method: 'PUT', path: ROOM_PATH, auth: 'user', standing: 'unlocked', rateLimit: 'write', params: RoomParams, body: jsonObject },
  async ({ params, body, ctx }) => {
    requireOwnUser(ctx, params.userId)
    unwrap(await ctx.session.putAccountData({ roomId: params.roomId, type: params.type }, body))
    return {}
  },
)

/** `DELETE /user/{userId}/account_data/{type}` (MSC3391). What is not there is no error. */
export const deleteAccountData = endpoint(
  {
    method: 'DELETE',
    path: `${UNSTABLE_PREFIX}/account_data/:type`,
    auth: 'user',
    standing: 'unlocked',
    rateLimit: 'write',
    params: GlobalParams,
  },
  async ({ params, ctx }) => {
    requireOwnUser(ctx, params.userId)
    unwrap(await ctx.session.putAccountData({ roomId: '', type: params.type }, {}))
    return {}
  },
)

/** `DELETE /user/{userId}/rooms/{roomId}/account_data/{type}` (MSC3391). */
export const deleteRoomAccountData = endpoint(
  {
    method: 'DELETE',
    path: `${UNSTABLE_PREFIX}/rooms/:roomId/account_data/:type`,
    auth: 'user',
    standing: 'unlocked',
    rateLimit: 'write',
    params: RoomParams,
  },
  async ({ params, ctx }) => {
    requireOwnUser(ctx, params.userId)
    unwrap(await ctx.session.putAccountData({ roomId: params.roomId, type: params.type }, {}))
    return {}
  },
)
