import { listDurableObjectIds, runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { describe, expect, it } from 'vitest'
import { call, logIn, passwordAuth, registerAccount, whoami } from '../../support/api-client.ts'
import {
  aClient,
  authorize,
  authorizePath,
  exchange,
  freshDeviceId,
  logInAt,
  type OAuthAnswer,
  oauthLogin,
  oauthPost,
  openBrowser,
  refreshOAuth,
} from '../../support/oauth.ts'

async function aCode(localpart: string, clientId: string, deviceId = freshDeviceId()): Promise<string> {
  const scope = `urn:matrix:client:api:* urn:matrix:client:device:${deviceId}`
  return (await authorize(openBrowser(), authorizePath(clientId, { scope }), localpart)).get('code') ?? ''
}

/** Runs SQL in an account's object. */
function inAccount(userId: string, sql: string): Promise<Record<string, SqlStorageValue>[]> {
  return runInDurableObject(env.USER.get(env.USER.idFromName(userId)), (_object, state) => state.storage.sql.exec(sql).toArray())
}

describe('an authorization code (A5)', () => {
  it('is exchanged for tokens on the device that was asked for', async () => {
    const { localpart, userId } = await registerAccount()
    const clientId = await aClient()
    const { status, body } = await exchange(clientId, await aCode(localpart, clientId, 'MYDEVICE01'))
    expect({ status, body }).toMatchObject({
      status: 200,
      body: { token_type: 'Bearer', expires_in: 900, scope: 'urn:matrix:client:api:* urn:matrix:client:device:MYDEVICE01' },
    })
    expect((await whoami(body.access_token)).body).toMatchObject({ user_id: userId, device_id: 'MYDEVICE01' })
    const device = await call('GET', '/devices/MYDEVICE01', { token: body.access_token })
    expect(device.body.display_name).toBe('Test client')
  })

  it('is bound to client, redirect URI and verifier, and survives attempts without them', async () => {
    const { localpart } = await registerAccount()
    const [clientId, other] = [await aClient(), await aClient({ client_name: 'Other' })]
    const code = await aCode(localpart, clientId)
    const refused = { status: 400, body: { error: 'invalid_grant' } }
    expect(await exchange(other, code)).toMatchObject(refused)
    expect(await exchange(clientId, code, { redirect_uri: 'https://app.client.example/other' })).toMatchObject(refused)
    expect(await exchange(clientId, code, { code_verifier: 'another-verifier-that-is-long-enough-0123456789' })).toMatchObject(refused)
    expect(await exchange(clientId, code, { code_verifier: 'short' })).toMatchObject(refused)
    expect(await exchange(clientId, code.slice(0, -1) + (code.endsWith('x') ? 'y' : 'x'))).toMatchObject(refused)
    expect((await exchange(clientId, code)).status).toBe(200)
  })

  it('works once; shown again it ends the session that it began', async () => {
    const { localpart, token } = await registerAccount()
    const clientId = await aClient()
    const code = await aCode(localpart, clientId)
    const first = await exchange(clientId, code)
    expect(await exchange(clientId, code)).toMatchObject({ status: 400, body: { error: 'invalid_grant' } })
    expect((await whoami(first.body.access_token)).status).toBe(401)
    expect((await refreshOAuth(clientId, first.body.refresh_token)).body.error).toBe('invalid_grant')
    expect((await whoami(token)).status).toBe(200)
  })

  it('works once for many who show it at the same time', async () => {
    const { localpart } = await registerAccount()
    const clientId = await aClient()
    const code = await aCode(localpart, clientId)
    const answers = await Promise.all(Array.from({ length: 8 }, () => exchange(clientId, code)))
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1)
  })

  it('ends after minutes, and its hash is all that is stored (A2)', async () => {
    const { localpart, userId } = await registerAccount()
    const clientId = await aClient()
    const code = await aCode(localpart, clientId)
    const [row] = await inAccount(userId, 'SELECT * FROM oauth_codes')
    expect(Number(row?.expires_ts) - Number(row?.created_ts)).toBeLessThanOrEqual(10 * 60 * 1000)
    expect(JSON.stringify(row)).not.toContain(code)
    await inAccount(userId, 'UPDATE oauth_codes SET expires_ts = 1')
    expect(await exchange(clientId, code)).toMatchObject({ status: 400, body: { error: 'invalid_grant' } })
  })

  it('that nobody has used ends with a change of the password (A3)', async () => {
    const { localpart, userId, token } = await registerAccount()
    const clientId = await aClient()
    const code = await aCode(localpart, clientId)
    const body = { new_password: 'another password', auth: passwordAuth({ userId }) }
    expect((await call('POST', '/account/password', { token, body })).status).toBe(200)
    expect((await exchange(clientId, code)).body.error).toBe('invalid_grant')
  })
})

describe('tokens of an OAuth client', () => {
  it('are refreshed with the scope that they had (A4, O7); the old pair ends with the first use of the new', async () => {
    const { localpart } = await registerAccount()
    const session = await oauthLogin(localpart)
    const { status, body } = await refreshOAuth(session.clientId, session.refreshToken)
    expect(status).toBe(200)
    expect(body.scope).toBe(`urn:matrix:client:api:* urn:matrix:client:device:${session.deviceId}`)
    expect((await refreshOAuth(session.clientId, session.refreshToken)).body).toEqual(body)
    expect((await whoami(body.access_token)).status).toBe(200)
    expect((await whoami(session.token)).status).toBe(401)
  })

  it('end when a refresh token comes back after its successor was used (A4)', async () => {
    const session = await oauthLogin((await registerAccount()).localpart)
    const { body } = await refreshOAuth(session.clientId, session.refreshToken)
    await whoami(body.access_token)
    expect((await refreshOAuth(session.clientId, session.refreshToken)).body.error).toBe('invalid_grant')
    expect((await whoami(body.access_token)).status).toBe(401)
    expect((await refreshOAuth(session.clientId, body.refresh_token)).body.error).toBe('invalid_grant')
  })

  it('are refreshed by their own client and by the OAuth endpoint only; those of a password login are not', async () => {
    const { localpart } = await registerAccount()
    const session = await oauthLogin(localpart)
    const other = await aClient({ client_name: 'Other' })
    expect((await refreshOAuth(other, session.refreshToken)).body.error).toBe('invalid_grant')
    expect(await call('POST', '/refresh', { body: { refresh_token: session.refreshToken } })).toMatchObject({ status: 401 })
    const legacy = await logIn(localpart, { refresh_token: true })
    expect((await refreshOAuth(session.clientId, legacy.refreshToken ?? '')).body.error).toBe('invalid_grant')
    expect((await call('POST', '/refresh', { body: { refresh_token: legacy.refreshToken } })).status).toBe(200)
    expect((await refreshOAuth(session.clientId, session.refreshToken)).status).toBe(200)
  })

  it.each(['token', 'refreshToken'] as const)(
    'both end when the %s is revoked, by whomever, and so does the device (A3, A11)',
    async (which) => {
      const { localpart, token } = await registerAccount()
      const session = await oauthLogin(localpart)
      expect(await oauthPost('/oauth2/revoke', { token: session[which], client_id: 'somebody' })).toEqual({ status: 200, body: {} })
      expect((await whoami(session.token)).status).toBe(401)
      expect((await refreshOAuth(session.clientId, session.refreshToken)).body.error).toBe('invalid_grant')
      expect((await call('GET', `/devices/${session.deviceId}`, { token })).status).toBe(404)
      expect((await whoami(token)).status).toBe(200)
    },
  )

  it('that are invented are revoked without a word (A11)', async () => {
    for (const token of ['x', 'eyJhbGciOiJub25lIn0.e30.', `mya_${'a'.repeat(60)}`]) {
      expect(await oauthPost('/oauth2/revoke', { token })).toEqual({ status: 200, body: {} })
    }
    expect(await oauthPost('/oauth2/revoke', {})).toMatchObject({ status: 400, body: { error: 'invalid_request' } })
  })

  it('end with logout, as any do', async () => {
    const session = await oauthLogin((await registerAccount()).localpart)
    expect((await call('POST', '/logout', { token: session.token })).status).toBe(200)
    expect((await refreshOAuth(session.clientId, session.refreshToken)).body.error).toBe('invalid_grant')
  })

  it('confirm nothing by password: that is for the account page', async () => {
    const { localpart, userId } = await registerAccount()
    const session = await oauthLogin(localpart)
    const body = { auth: passwordAuth({ userId }) }
    const { capabilities } = (await call('GET', '/capabilities', { token: session.token })).body
    expect(capabilities['m.change_password']).toEqual({ enabled: false })
    expect(await call('DELETE', `/devices/${session.deviceId}`, { token: session.token, body })).toMatchObject({
      status: 404,
      body: { errcode: 'M_UNRECOGNIZED' },
    })
  })
})

describe('the token endpoint', () => {
  it.each([
    ['no grant type', {}, 'invalid_request'],
    ['the grant of passwords', { grant_type: 'password', username: 'a', password: 'b' }, 'unsupported_grant_type'],
    ['a code without a verifier', { grant_type: 'authorization_code', code: 'x', client_id: 'y', redirect_uri: 'z' }, 'invalid_request'],
    [
      'an unknown device code',
      { grant_type: 'urn:ietf:params:oauth:grant-type:device_code', device_code: 'x', client_id: 'y' },
      'invalid_grant',
    ],
  ])('refuses %s', async (_what, fields, error) => {
    expect(await oauthPost('/oauth2/token', fields as Record<string, string>)).toMatchObject({ status: 400, body: { error } })
  })

  it('tells clients to come back later, not that their session is over, where they are too many or the account is locked (A16)', async () => {
    const { localpart, userId } = await registerAccount()
    const session = await oauthLogin(localpart)
    const impose = (locked: boolean) =>
      runInDurableObject(env.USER.get(env.USER.idFromName(userId)), (user) => user.standing({ locked }, 'test'))
    const fields = { grant_type: 'refresh_token', refresh_token: session.refreshToken, client_id: session.clientId }
    const later = { status: 503, body: { error: 'temporarily_unavailable' } }
    await impose(true)
    expect(await oauthPost('/oauth2/token', fields)).toMatchObject(later)
    await impose(false)
    // Clients whose address is not known share a larger allowance.
    const headers = { 'CF-Connecting-IP': '192.0.2.55' }
    let limited: OAuthAnswer | undefined
    for (let attempt = 0; attempt < 1_000 && limited === undefined; attempt += 1) {
      const answer = await oauthPost('/oauth2/token', {}, { MYELIN_RATE_LIMITS: 'on' }, headers)
      if (answer.status !== 400) limited = answer
    }
    expect(limited).toMatchObject(later)
    expect(limited?.body.errcode).toBeUndefined()
    expect((await oauthPost('/oauth2/token', fields)).status).toBe(200)
  })

  it('wakes nobody for what was made up', async () => {
    const clientId = await aClient()
    const count = async () => (await listDurableObjectIds(env.USER)).length
    const before = await count()
    const name = Buffer.from('nobody-at-all').toString('base64url')
    const made = (prefix: string) => `${prefix}_${name}_${'A'.repeat(24)}_${'A'.repeat(16)}`
    await exchange(clientId, made('myc'))
    await refreshOAuth(clientId, made('myr'))
    await oauthPost('/oauth2/revoke', { token: made('mya') })
    const browser = openBrowser()
    browser.cookies.set('__Host-myelin-session', made('myb'))
    await browser.get('/account')
    await logInAt(browser, await browser.get('/account/login'), 'nobody-at-all').catch(() => undefined)
    expect(await count()).toBe(before)
    // Somebody who is there is an object, so the count counts.
    await registerAccount()
    expect(await count()).toBe(before + 1)
  })

  it('takes forms only', async () => {
    expect(await call('POST', '/_/../oauth2/token', { body: { grant_type: 'refresh_token' } })).toMatchObject({
      status: 400,
      body: { error: 'invalid_request' },
    })
  })
})
