import * as z from 'zod'
import { requireLookUp } from '../../../domain/e2ee/look-ups.ts'
import { profileOf } from '../../../domain/profiles/profile.ts'
import { clientPaths } from '../../../http/path.ts'
import { userId } from '../../../http/schema/ids.ts'
import { jsonObject } from '../../../http/schema/json.ts'
import { missingParam, notFound } from '../../../matrix/errors.ts'
import { unwrap } from '../../../runtime/outcome.ts'
import { endpoint } from '../../endpoint.ts'
import { requireOwnUser } from '../../own-user.ts'

/** Bytes of a request that sets a field; the whole profile has at most 64 KiB. */
const MAX_BODY_BYTES = 128 * 1024
const Params = z.object({ userId, keyName: z.string() })
const FIELD_PATH = clientPaths('profile/:userId/:keyName')

/** `GET /profile/{userId}` (client-server-api#get_matrixclientv3profileuserid). */
export const getProfile = endpoint(
  { method: 'GET', path: clientPaths('profile/:userId'), auth: 'optional-user', rateLimit: 'read', params: z.object({ userId }) },
  async ({ params, ctx }) => {
    await requireLookUp(ctx, params.userId)
    return profileOf(ctx, params.userId)
  },
)

/** `GET /profile/{userId}/{keyName}` (client-server-api#get_matrixclientv3profileuseridkeyname). */
export const getProfileField = endpoint(
  { method: 'GET', path: FIELD_PATH, auth: 'optional-user', rateLimit: 'read', params: Params },
  async ({ params, ctx }) => {
    await requireLookUp(ctx, params.userId)
    const profile = new Map(Object.entries(await profileOf(ctx, params.userId)))
    const value = profile.get(params.keyName)
    if (value === undefined) throw notFound('The profile has no such field')
    return { [params.keyName]: value }
  },
)

/** `PUT /profile/{userId}/{keyName}` (client-server-api#put_matrixclientv3profileuseridkeyname). */
export const putProfileField = endpoint(
  {
    method: 'PUT',
    path: FIELD_PATH,
    auth: 'user',
    rateLimit: 'write',
    params: Params,
    body: jsonObject,
    maxBodyBytes: MAX_BODY_BYTES,
  },
  async ({ params, body, ctx }) => {
    requireOwnUser(ctx, params.userId)
    const value = new Map(Object.entries(body)).get(params.keyName)
    if (value === undefined) throw missingParam(`Missing key ${params.keyName}`)
    unwrap(await ctx.session.putProfileField(params.keyName, value))
    return {}
  },
)

/** `DELETE /profile/{userId}/{keyName}` (client-server-api#delete_matrixclientv3profileuseridkeyname). */
export const deleteProfileField = endpoint(
  { method: 'DELETE', path: FIELD_PATH, auth: 'user', rateLimit: 'write', params: Params },
  async ({ params, ctx }) => {
    requireOwnUser(ctx, params.userId)
    unwrap(await ctx.session.deleteProfileField(params.keyName))
    return {}
  },
)
