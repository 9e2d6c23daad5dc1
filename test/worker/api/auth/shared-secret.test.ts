import { createHmac } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { call, freshLocalpart, PASSWORD, whoami } from '../../../support/api-client.ts'

const PATH = '/_synapse/admin/v1/register'
const SECRET = 'a shared secret for tests'

function macOf(secret: string, nonce: string, username: string, isAdmin: boolean): string {
  return createHmac('sha1', secret)
    .update([nonce, username, PASSWORD, isAdmin ? 'admin' : 'notadmin'].join('\0'))
    .digest('hex')
}

async function freshNonce(): Promise<string> {
  return (await call('GET', PATH)).body.nonce
}

describe('registration with the shared secret', () => {
  it('makes an account, also while registration is closed', async () => {
    const nonce = await freshNonce()
    const username = freshLocalpart()
    const body = { nonce, username, password: PASSWORD, admin: true, mac: macOf(SECRET, nonce, username, true), displayname: 'Root' }
    const answer = await call('POST', PATH, { body, variables: { MYELIN_REGISTRATION: 'closed' } })
    expect(answer.status).toBe(200)
    expect((await whoami(answer.body.access_token)).status).toBe(200)
    expect((await call('GET', `/profile/${answer.body.user_id}`)).body).toEqual({ displayname: 'Root' })
    expect((await call('POST', PATH, { body })).body.errcode).toBe('M_USER_IN_USE')
  })

  it('refuses a MAC of another secret, of another role, and of nothing', async () => {
    const nonce = await freshNonce()
    const username = freshLocalpart()
    for (const mac of [macOf('other', nonce, username, false), macOf(SECRET, nonce, username, true), '']) {
      const body = { nonce, username, password: PASSWORD, admin: false, mac }
      expect(await call('POST', PATH, { body })).toMatchObject({ status: 403, body: { errcode: 'M_FORBIDDEN' } })
    }
  })

  it('refuses a nonce that it did not make', async () => {
    const username = freshLocalpart()
    for (const nonce of ['abc', 'abc.def.0123', `${(await freshNonce()).slice(0, -1)}x`]) {
      const body = { nonce, username, password: PASSWORD, mac: macOf(SECRET, nonce, username, false) }
      expect((await call('POST', PATH, { body })).status).toBe(400)
    }
  })

  it('does not exist without a secret', async () => {
    const variables = { MYELIN_REGISTRATION_SHARED_SECRET: '' }
    expect(await call('GET', PATH, { variables })).toMatchObject({ status: 404, body: { errcode: 'M_UNRECOGNIZED' } })
  })
})
