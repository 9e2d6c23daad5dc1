import { createHmac } from 'node:crypto'
import { call, freshLocalpart, PASSWORD, type TestSession } from './api-client.ts'

const PATH = '/_synapse/admin/v1/register'
/** As the tests' server is configured. */
const SECRET = 'a shared secret for tests'

/** Registers an administrator, as an operator's tools do. */
export async function registerAdmin(localpart = freshLocalpart('admin')): Promise<TestSession> {
  const { nonce } = (await call('GET', PATH)).body
  const mac = createHmac('sha1', SECRET).update([nonce, localpart, PASSWORD, 'admin'].join('\0')).digest('hex')
  const { status, body } = await call('POST', PATH, { body: { nonce, username: localpart, password: PASSWORD, admin: true, mac } })
  if (status !== 200) throw new Error(`${status} ${JSON.stringify(body)}`)
  return { userId: body.user_id, localpart, deviceId: body.device_id, token: body.access_token, refreshToken: undefined }
}
