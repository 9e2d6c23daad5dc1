import { runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { describe, expect, it } from 'vitest'
import { call, logIn, passwordAuth, registerAccount, type TestSession, tryLogin, whoami } from '../../../support/api-client.ts'

/** Every endpoint that must be confirmed, with two different bodies. */
const OPERATIONS: [string, string, (target: TestSession) => string, object, object][] = [
  ['deleting a device', 'DELETE', (target) => `/devices/${target.deviceId}`, {}, {}],
  ['deleting devices', 'POST', () => '/delete_devices', { devices: ['A'] }, { devices: ['B'] }],
  ['changing the password', 'POST', () => '/account/password', { new_password: 'one' }, { new_password: 'two' }],
  ['deactivating', 'POST', () => '/account/deactivate', {}, { erase: true }],
]

describe.each(OPERATIONS)('%s (A13, A14)', (_what, method, path, body, otherBody) => {
  async function setting() {
    const owner = await registerAccount()
    const target = await logIn(owner.localpart)
    const ask = (extra: object, session: TestSession = owner) =>
      call(method, path(target), { token: session.token, body: { ...body, ...extra } })
    return { owner, target, ask }
  }

  it('asks for the password without an errcode, and nothing happens', async () => {
    const { owner, target, ask } = await setting()
    const challenge = await ask({})
    expect(challenge).toMatchObject({
      status: 401,
      body: { flows: [{ stages: ['m.login.password'] }], params: {}, session: expect.any(String) },
    })
    expect(challenge.body).not.toHaveProperty('errcode')
    expect((await whoami(target.token)).status).toBe(200)
    expect((await tryLogin(owner.localpart)).status).toBe(200)
  })

  it.each([
    ['the dummy stage', () => ({ type: 'm.login.dummy' })],
    ['a registration token', () => ({ type: 'm.login.registration_token', token: 'x' })],
    ['a type that is an array', (owner: TestSession) => ({ ...passwordAuth(owner), type: ['m.login.password'] })],
    ['no password', (owner: TestSession) => ({ ...passwordAuth(owner), password: undefined })],
    ['a password that is an object', (owner: TestSession) => ({ ...passwordAuth(owner), password: {} })],
    ['a wrong password', (owner: TestSession) => passwordAuth(owner, 'wrong')],
    ['an unknown session', (owner: TestSession) => passwordAuth(owner, undefined, { session: 'unknown' })],
    ['a session that is a number', (owner: TestSession) => passwordAuth(owner, undefined, { session: 5 })],
  ])('does not accept %s, with a session or without', async (_case, auth) => {
    const { owner, target, ask } = await setting()
    const { session } = (await ask({})).body
    for (const offered of [auth(owner), { session, ...auth(owner) }]) {
      expect(await ask({ auth: offered })).toMatchObject({
        status: 401,
        body: { errcode: expect.any(String), session: expect.any(String) },
      })
    }
    expect((await whoami(target.token)).status).toBe(200)
  })

  it('does not accept the password of another user', async () => {
    const { target, ask } = await setting()
    const stranger = await registerAccount()
    expect(await ask({ auth: passwordAuth(stranger) })).toMatchObject({ status: 403, body: { errcode: 'M_FORBIDDEN' } })
    expect((await whoami(target.token)).status).toBe(200)
  })

  it('does not accept a session of another device, another account, or another operation', async () => {
    const { owner, target, ask } = await setting()
    const stranger = await registerAccount()
    const ofOtherDevice = (await ask({}, target)).body.session
    const ofStranger = (await call('POST', '/account/deactivate', { token: stranger.token, body: {} })).body.session
    const foreign =
      method === 'DELETE'
        ? call('POST', '/account/deactivate', { token: owner.token, body: {} })
        : call('DELETE', '/devices/X', { token: owner.token, body: {} })
    for (const session of [ofOtherDevice, ofStranger, (await foreign).body.session]) {
      expect((await ask({ auth: passwordAuth(owner, undefined, { session }) })).status).toBe(401)
    }
    expect((await whoami(target.token)).status).toBe(200)
  })

  if (JSON.stringify(body) !== JSON.stringify(otherBody)) {
    it('does not accept a session begun with another body', async () => {
      const { owner, ask } = await setting()
      const { session } = (await ask(otherBody)).body
      expect((await ask({ auth: passwordAuth(owner, undefined, { session }) })).status).toBe(401)
    })
  }

  it('does not accept a session that is too old', async () => {
    const { owner, ask } = await setting()
    const { session } = (await ask({})).body
    await runInDurableObject(env.USER.get(env.USER.idFromName(owner.userId)), (_user, state) =>
      state.storage.sql.exec('UPDATE uia_sessions SET created_ts = 1'),
    )
    expect((await ask({ auth: passwordAuth(owner, undefined, { session }) })).status).toBe(401)
  })

  it('accepts the right password within its session, once', async () => {
    const { owner, ask } = await setting()
    const { session } = (await ask({})).body
    const auth = passwordAuth(owner, undefined, { session })
    expect((await ask({ auth })).status).toBe(200)
    expect((await ask({ auth })).status).toBe(401)
  })
})

describe('sessions of user-interactive authentication', () => {
  it('survive a wrong password', async () => {
    const owner = await registerAccount()
    const ask = (auth?: object) => call('POST', '/account/password', { token: owner.token, body: { new_password: 'new', auth } })
    const { session } = (await ask()).body
    expect(await ask(passwordAuth(owner, 'wrong', { session }))).toMatchObject({ status: 401, body: { session, errcode: 'M_FORBIDDEN' } })
    expect((await ask(passwordAuth(owner, undefined, { session }))).status).toBe(200)
  })

  it('work once even when used twice at the same time', async () => {
    const owner = await registerAccount()
    const first = await logIn(owner.localpart)
    const ask = (auth?: object) => call('POST', '/delete_devices', { token: owner.token, body: { devices: [first.deviceId], auth } })
    const { session } = (await ask()).body
    const answers = await Promise.all([1, 2, 3].map(() => ask(passwordAuth(owner, undefined, { session }))))
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 401, 401])
  })

  it('are bounded in number for each account', async () => {
    const owner = await registerAccount()
    for (let count = 0; count < 20; count++) await call('POST', '/account/deactivate', { token: owner.token, body: {} })
    const rows = await runInDurableObject(env.USER.get(env.USER.idFromName(owner.userId)), (_user, state) =>
      state.storage.sql.exec('SELECT 1 FROM uia_sessions').toArray(),
    )
    expect(rows.length).toBe(16)
  })
})
