import * as z from 'zod'
import type { KeyBackupInfo } from '../../../durable/user/e2ee/key-backup.ts'
import { type RawJson, rawJson } from '../../../http/json-response.ts'
import { clientPaths } from '../../../http/path.ts'
import { jsonObject } from '../../../http/schema/json.ts'
import { invalidParam } from '../../../matrix/errors.ts'
import { unwrap } from '../../../runtime/outcome.ts'
import { endpoint } from '../../endpoint.ts'

const Params = z.object({ version: z.string() })
const PATH = clientPaths('room_keys/version/:version')
const algorithm = z.string().min(1).max(255)

function describe({ algorithm: name, authData, count, etag, version }: KeyBackupInfo): RawJson {
  const rest = JSON.stringify({ algorithm: name, count, etag, version })
  return rawJson(`${rest.slice(0, -1)},"auth_data":${authData}}`)
}

/** `POST /room_keys/version` (client-server-api#post_matrixclientv3room_keysversion). */
export const postVersion = endpoint(
  {
    method: 'POST',
    path: clientPaths('room_keys/version'),
    auth: 'user',
    standing: 'unlocked',
    rateLimit: 'write',
    body: z.object({ algorithm, auth_data: jsonObject }),
  },
  async ({ body, ctx }) => ({ version: unwrap(await ctx.session.createKeyBackup(body.algorithm, body.auth_data)) }),
)

/** `GET /room_keys/version` (client-server-api#get_matrixclientv3room_keysversion). */
export const getCurrentVersion = endpoint(
  { method: 'GET', path: clientPaths('room_keys/version'), auth: 'user', rateLimit: 'read' },
  async ({ ctx }) => describe(unwrap(await ctx.session.keyBackup(undefined))),
)

/** `GET /room_keys/version/{version}` (client-server-api#get_matrixclientv3room_keysversionversion). */
export const getVersion = endpoint(
  { method: 'GET', path: PATH, auth: 'user', rateLimit: 'read', params: Params },
  async ({ params, ctx }) => describe(unwrap(await ctx.session.keyBackup(params.version))),
)

/** `PUT /room_keys/version/{version}` (client-server-api#put_matrixclientv3room_keysversionversion). */
export const putVersion = endpoint(
  {
    method: 'PUT',
    path: PATH,
    auth: 'user',
    standing: 'unlocked',
    rateLimit: 'write',
    params: Params,
    body: z.object({ algorithm, auth_data: jsonObject, version: z.string().optional() }),
  },
  async ({ params, body, ctx }) => {
    if (body.version !== undefined && body.version !== params.version) throw invalidParam('The version in the body is another one')
    unwrap(await ctx.session.updateKeyBackup(params.version, body.algorithm, body.auth_data))
    return {}
  },
)

/** `DELETE /room_keys/version/{version}` (client-server-api#delete_matrixclientv3room_keysversionversion). */
export const deleteVersion = endpoint(
  { method: 'DELETE', path: PATH, auth: 'user', standing: 'unlocked', rateLimit: 'write', params: Params },
  async ({ params, ctx }) => {
    unwrap(await ctx.session.deleteKeyBackup(params.version))
    return {}
  },
)
