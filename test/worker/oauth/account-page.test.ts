import { runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { describe, expect, it } from 'vitest'
import { call, logIn, PASSWORD, registerAccount, type TestSession, tryLogin, whoami } from '../../support/api-client.ts'
import { crossSigningKeys } from '../../support/e2ee.ts'
import type { FormBrowser } from '../../support/form-browser.ts'
import { logInAt, oauthLogin, openBrowser, refreshOAuth } from '../../support/oauth.ts'

const RESET = 'org.matrix.cross_signing_reset'

/** Pretends that the password was given a while ago. */
function letTimePass(userId: string): Promise<void> {
  return runInDurableObject(env.USER.get(env.USER.idFromName(userId)), (_object, state) => {
    state.storage.sql.exec('UPDATE browser_sessions SET authenticated_ts = authenticated_ts - 600000')
  })
}

async function atAccount(session: TestSession): Promise<FormBrowser> {
  const browser = openBrowser()
  await logInAt(browser, await browser.get('/account'), session.localpart)
  return browser
}

const upload = (token: string, body: object) => call('POST', '/keys/device_signing/upload', { token, body })

describe('the account page', () => {
  it('shows the sessions of its user and nobody else’s', async () => {
    const [alice, bob] = [await registerAccount(), await registerAccount()]
    const session = await oauthLogin(alice.localpart)
    const browser = await atAccount(alice)
    const { text } = await browser.get('/account')
    expect(text).toContain(alice.userId)
    expect(text).toContain(session.deviceId)
    expect(text).toContain(alice.deviceId)
    expect(text).not.toContain(bob.deviceId)
    const view = await browser.get(`/account?action=org.matrix.device_view&device_id=${session.deviceId}`)
    expect(view.text).toContain('https://client.example/')
    expect((await browser.get(`/account?action=org.matrix.device_view&device_id=${bob.deviceId}`)).text).toContain(
      'There is no such session',
    )
  })

  it('is what deep links lead to, after a login if need be', async () => {
    const alice = await registerAccount()
    const path = `/account?${new URLSearchParams({ action: 'org.matrix.device_delete', device_id: alice.deviceId })}`
    const browser = openBrowser()
    const page = await logInAt(browser, await browser.get(path), alice.localpart)
    expect(page.text).toContain('Sign out a session')
    expect(page.text).toContain(alice.deviceId)
  })

  it('signs a session out (A3)', async () => {
    const alice = await registerAccount()
    const other = await logIn(alice.localpart)
    const browser = await atAccount(alice)
    const page = await browser.get(`/account?action=org.matrix.device_delete&device_id=${other.deviceId}`)
    expect((await browser.submit(page, '/account/sign-out', {})).location).toBe('/account?done=signed-out')
    expect((await whoami(other.token)).status).toBe(401)
    expect((await whoami(alice.token)).status).toBe(200)
  })

  it('signs a client of OAuth out with both of its tokens (A3)', async () => {
    const alice = await registerAccount()
    const session = await oauthLogin(alice.localpart)
    const page = await session.browser.get(`/account?action=org.matrix.session_end&device_id=${session.deviceId}`)
    await session.browser.submit(page, '/account/sign-out', {})
    expect((await whoami(session.token)).status).toBe(401)
    expect((await refreshOAuth(session.clientId, session.refreshToken)).body.error).toBe('invalid_grant')
  })

  it('is closed to accounts that are locked, and so is the login', async () => {
    const alice = await registerAccount()
    const browser = await atAccount(alice)
    await runInDurableObject(env.USER.get(env.USER.idFromName(alice.userId)), (user) => user.standing({ locked: true }, 'test'))
    const login = await browser.follow(await browser.get('/account'))
    const refused = await browser.submit(login, '/account/login', { username: alice.localpart, password: PASSWORD })
    expect(refused).toMatchObject({ status: 401, location: undefined })
    expect(refused.text).toContain('has been locked')
  })

  it('asks for the password again after a while (A14)', async () => {
    const alice = await registerAccount()
    const browser = await atAccount(alice)
    const path = `/account?action=org.matrix.device_delete&device_id=${alice.deviceId}`
    expect((await browser.get(path)).text).not.toContain('type="password"')
    await letTimePass(alice.userId)
    const page = await browser.get(path)
    expect(page.text).toContain('type="password"')
    for (const password of ['', 'wrong']) {
      const refused = await browser.submit(page, '/account/sign-out', { password })
      expect(refused).toMatchObject({ status: 403, location: undefined })
      expect(refused.text).toContain('role="alert"')
    }
    expect((await whoami(alice.token)).status).toBe(200)
    expect((await browser.submit(page, '/account/sign-out', { password: PASSWORD })).status).toBe(303)
    expect((await whoami(alice.token)).status).toBe(401)
  })

  it('changes the password, which always has to be given, and logs other browsers out (A3)', async () => {
    const alice = await registerAccount()
    const [browser, other] = [await atAccount(alice), await atAccount(alice)]
    const page = await browser.get('/account')
    const fields = { new_password: 'a new password' }
    expect((await browser.submit(page, '/account/password', { ...fields, password: '' })).status).toBe(403)
    expect((await browser.submit(page, '/account/password', { ...fields, password: 'wrong' })).status).toBe(403)
    expect((await browser.submit(page, '/account/password', { new_password: '', password: PASSWORD })).status).toBe(400)
    expect((await whoami(alice.token)).status).toBe(200)
    expect((await browser.submit(page, '/account/password', { ...fields, password: PASSWORD })).status).toBe(303)
    expect((await tryLogin(alice.localpart, 'a new password')).status).toBe(200)
    expect((await tryLogin(alice.localpart)).status).toBe(403)
    expect((await whoami(alice.token)).status).toBe(401)
    expect((await browser.get('/account')).status).toBe(200)
    expect((await other.get('/account')).status).toBe(303)
  })

  it('changes the name that others see, without a password', async () => {
    const alice = await registerAccount()
    const browser = await atAccount(alice)
    await letTimePass(alice.userId)
    const page = await browser.get('/account?action=org.matrix.profile')
    expect((await browser.submit(page, '/account/profile', { display_name: ' Alice <3 ' })).location).toBe('/account?done=profile')
    const name = async () => (await call('GET', `/profile/${alice.userId}/displayname`)).body
    expect(await name()).toEqual({ displayname: 'Alice <3' })
    expect((await browser.get('/account')).text).toContain('value="Alice &lt;3"')
    const refused = await browser.submit(page, '/account/profile', { display_name: 'x'.repeat(257) })
    expect(refused).toMatchObject({ status: 400, location: undefined })
    await browser.submit(page, '/account/profile', { display_name: '' })
    expect((await name()).errcode).toBe('M_NOT_FOUND')
    await runInDurableObject(env.USER.get(env.USER.idFromName(alice.userId)), (user) => user.standing({ suspended: true }, 'test'))
    expect((await browser.submit(page, '/account/profile', { display_name: 'x' })).status).toBe(403)
  })

  it('closes the account', async () => {
    const alice = await registerAccount()
    const browser = await atAccount(alice)
    const page = await browser.get('/account?action=org.matrix.account_deactivate')
    expect((await browser.submit(page, '/account/deactivate', { password: 'wrong' })).status).toBe(403)
    expect((await browser.submit(page, '/account/deactivate', { password: PASSWORD })).text).toContain('The account is closed.')
    expect((await tryLogin(alice.localpart)).status).toBe(403)
    expect((await browser.get('/account')).status).toBe(303)
  })
})

describe('replacing cross-signing keys through OAuth (A14)', () => {
  /** A client with keys that it wants to replace. */
  async function withKeys() {
    const alice = await registerAccount()
    const session = await oauthLogin(alice.localpart)
    expect((await upload(session.token, crossSigningKeys(alice.userId).body)).status).toBe(200)
    const challenge = await upload(session.token, crossSigningKeys(alice.userId, 'second').body)
    return { alice, session, challenge }
  }

  it('leads to the account page, and works once after that', async () => {
    const { alice, session, challenge } = await withKeys()
    const url = `https://test.example/account?action=${RESET}&device_id=${session.deviceId}`
    expect(challenge).toMatchObject({
      status: 401,
      body: {
        session: expect.any(String),
        flows: [{ stages: ['m.oauth'] }, { stages: [RESET] }],
        params: { 'm.oauth': { url }, [RESET]: { url } },
      },
    })
    expect(challenge.body.errcode).toBeUndefined()
    const second = { ...crossSigningKeys(alice.userId, 'second').body, auth: { session: challenge.body.session } }
    expect((await upload(session.token, second)).status).toBe(401)
    const page = await session.browser.get(new URL(url).pathname + new URL(url).search)
    expect(page.text).toContain(session.deviceId)
    await session.browser.submit(page, '/account/cross-signing-reset', {})
    expect((await upload(session.token, second)).status).toBe(200)
    expect((await upload(session.token, crossSigningKeys(alice.userId, 'third').body)).status).toBe(401)
  })

  it('is allowed to the client that asked, and for minutes', async () => {
    const { alice, session } = await withKeys()
    const other = await oauthLogin(alice.localpart)
    const next = crossSigningKeys(alice.userId, 'second').body
    const approve = async () => {
      const page = await session.browser.get(`/account?action=${RESET}&device_id=${session.deviceId}`)
      await session.browser.submit(page, '/account/cross-signing-reset', {})
    }
    await approve()
    expect((await upload(other.token, next)).status).toBe(401)
    await runInDurableObject(env.USER.get(env.USER.idFromName(alice.userId)), (_object, state) => {
      const row = state.storage.sql.exec<{ until_ts: number }>('SELECT until_ts FROM cross_signing_reset').one()
      expect(row.until_ts - Date.now()).toBeLessThanOrEqual(10 * 60 * 1000)
      state.storage.sql.exec('UPDATE cross_signing_reset SET until_ts = 1')
    })
    expect((await upload(session.token, next)).status).toBe(401)
    await approve()
    expect((await upload(session.token, next)).status).toBe(200)
  })

  it('takes no password from the client, and leaves clients with a password to theirs', async () => {
    const { alice, session } = await withKeys()
    const auth = { type: 'm.login.password', identifier: { type: 'm.id.user', user: alice.userId }, password: PASSWORD }
    const next = crossSigningKeys(alice.userId, 'second').body
    expect((await upload(session.token, { ...next, auth })).status).toBe(401)
    expect((await upload(alice.token, next)).body.flows).toEqual([{ stages: ['m.login.password'] }])
    expect((await upload(alice.token, { ...next, auth })).status).toBe(200)
  })
})
