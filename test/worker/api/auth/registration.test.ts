import { env } from 'cloudflare:workers'
import { describe, expect, it } from 'vitest'
import { openRegistry } from '../../../../src/storage/d1/open.ts'
import { createRegistrationToken } from '../../../../src/storage/d1/registration-tokens.ts'
import { call, freshLocalpart, PASSWORD, registerAccount, tryLogin, whoami } from '../../../support/api-client.ts'

const DUMMY = { type: 'm.login.dummy' }

describe('registration while it is open', () => {
  it('asks for the dummy stage first, without an errcode, and then makes an account that can be used at once', async () => {
    const username = freshLocalpart()
    const challenge = await call('POST', '/register', { body: { username, password: PASSWORD } })
    expect(challenge.status).toBe(401)
    expect(challenge.body).toMatchObject({ flows: [{ stages: ['m.login.dummy'] }], params: {}, session: expect.any(String) })
    expect(challenge.body).not.toHaveProperty('errcode')
    const auth = { ...DUMMY, session: challenge.body.session }
    const answer = await call('POST', '/register', { body: { username, password: PASSWORD, auth, device_id: 'PHONE' } })
    expect(answer.status).toBe(200)
    expect(answer.body).toMatchObject({ user_id: `@${username}:test.example`, device_id: 'PHONE', home_server: 'test.example' })
    expect((await whoami(answer.body.access_token)).body).toEqual({ user_id: answer.body.user_id, device_id: 'PHONE', is_guest: false })
  })

  it('answers an empty request with the flows, so that clients can ask before anything is typed, and goes on from there', async () => {
    const challenge = await call('POST', '/register', { body: {} })
    expect(challenge.status).toBe(401)
    const auth = { ...DUMMY, session: challenge.body.session }
    const answer = await call('POST', '/register', { body: { username: freshLocalpart(), password: PASSWORD, auth } })
    expect(answer.status).toBe(200)
  })

  it('does not let a session begun for one name make an account of another', async () => {
    const begun = await call('POST', '/register', { body: { username: freshLocalpart(), password: PASSWORD } })
    const auth = { ...DUMMY, session: begun.body.session }
    const answer = await call('POST', '/register', { body: { username: freshLocalpart(), password: PASSWORD, auth } })
    expect(answer).toMatchObject({ status: 401, body: { errcode: 'M_FORBIDDEN' } })
  })

  it.each([
    ['unknown', 'nonsense'],
    ['cut', 'abc.def'],
    ['not a string', 5],
  ])('refuses a session that is %s', async (_what, session) => {
    const answer = await call('POST', '/register', {
      body: { username: freshLocalpart(), password: PASSWORD, auth: { ...DUMMY, session } },
    })
    expect(answer).toMatchObject({ status: 401, body: { errcode: 'M_FORBIDDEN', session: expect.any(String) } })
  })

  it.each([['m.login.password'], ['m.login.registration_token'], [['m.login.dummy']], [{}]])(
    'accepts no stage but the one it asks for: %j (A1)',
    async (type) => {
      const body = { username: freshLocalpart(), password: PASSWORD, auth: { type } }
      expect((await call('POST', '/register', { body })).status).toBe(401)
    },
  )

  it('makes capitals small, and refuses a name that differs in case only', async () => {
    const name = freshLocalpart('Capital')
    expect((await registerAccount(name)).userId).toBe(`@${name.toLowerCase()}:test.example`)
    const body = { username: name.toUpperCase(), password: PASSWORD, auth: DUMMY }
    expect(await call('POST', '/register', { body })).toMatchObject({ status: 400, body: { errcode: 'M_USER_IN_USE' } })
  })

  it.each(['!', '"', ':', '?', '\\', '@', '[', '{', '£', 'é', '\n', "'", ' ', '%', '\u212a'])(
    'refuses a user name with %j in it',
    async (char) => {
      const body = { username: `name${char}name`, password: PASSWORD, auth: DUMMY }
      const answer = await call('POST', '/register', { body })
      expect(answer).toMatchObject({ status: 400, body: { errcode: 'M_INVALID_USERNAME' } })
    },
  )

  it.each(['constructor', 'tostring', 'hasownproperty', 'a=b/c+d.e-f'])('takes %s as a user name like any other (P7)', async (username) => {
    expect((await registerAccount(username)).userId).toBe(`@${username}:test.example`)
  })

  it.each([['_name'], ['x'.repeat(256)]])('refuses the user name %s', async (username) => {
    expect((await call('POST', '/register', { body: { username, password: PASSWORD } })).body.errcode).toBe('M_INVALID_USERNAME')
  })

  it('refuses a missing, an empty and an over-long password once the stage is done', async () => {
    const attempt = (password: unknown) => call('POST', '/register', { body: { username: freshLocalpart(), password, auth: DUMMY } })
    expect((await attempt(undefined)).body.errcode).toBe('M_MISSING_PARAM')
    expect((await attempt('')).body.errcode).toBe('M_WEAK_PASSWORD')
    expect((await attempt('ü'.repeat(257))).body.errcode).toBe('M_WEAK_PASSWORD')
    expect((await attempt(5)).body.errcode).toBe('M_BAD_JSON')
  })

  it('gives a name to whoever has none', async () => {
    const answer = await call('POST', '/register', { body: { password: PASSWORD, auth: DUMMY } })
    expect(answer.body.user_id).toMatch(/^@[a-z0-9]+:test\.example$/)
  })

  it('makes an account without a session on request', async () => {
    const username = freshLocalpart()
    const answer = await call('POST', '/register', { body: { username, password: PASSWORD, auth: DUMMY, inhibit_login: true } })
    expect(answer.body).toEqual({ user_id: `@${username}:test.example`, home_server: 'test.example' })
    expect((await tryLogin(username)).status).toBe(200)
  })

  it('lets one of several who ask for a name at once have it', async () => {
    const body = { username: freshLocalpart(), password: PASSWORD, auth: DUMMY }
    const answers = await Promise.all(Array.from({ length: 4 }, () => call('POST', '/register', { body })))
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 400, 400, 400])
  })

  it('says whether a name is free', async () => {
    const { localpart } = await registerAccount()
    const available = (username: string) => call('GET', `/register/available?username=${encodeURIComponent(username)}`)
    expect((await available(freshLocalpart())).body).toEqual({ available: true })
    expect(await available(localpart)).toMatchObject({ status: 400, body: { errcode: 'M_USER_IN_USE' } })
    expect(await available('a b')).toMatchObject({ status: 400, body: { errcode: 'M_INVALID_USERNAME' } })
    expect(await call('GET', '/register/available')).toMatchObject({ status: 400, body: { errcode: 'M_MISSING_PARAM' } })
  })

  it('has no guests', async () => {
    const answer = await call('POST', '/register?kind=guest', { body: {} })
    expect(answer).toMatchObject({ status: 403, body: { errcode: 'M_GUEST_ACCESS_FORBIDDEN' } })
    expect((await call('POST', '/register?kind=robot', { body: {} })).status).toBe(400)
  })
})

describe('registration while it is closed (A19)', () => {
  const variables = { MYELIN_REGISTRATION: 'closed' }

  it.each([
    ['POST', '/register'],
    ['POST', '/register?kind=guest'],
    ['POST', '/register?kind=user'],
    ['GET', '/register/available?username=free'],
    ['GET', '/_matrix/client/v1/register/m.login.registration_token/validity?token=x'],
  ])('%s %s answers 403', async (method, path) => {
    const body = method === 'POST' ? { username: freshLocalpart(), password: PASSWORD, auth: DUMMY } : undefined
    expect(await call(method, path, { body, variables })).toMatchObject({ status: 403, body: { errcode: 'M_FORBIDDEN' } })
  })
})

describe('registration with a token', () => {
  const variables = { MYELIN_REGISTRATION: 'token' }
  const registry = () => openRegistry(env, undefined)
  const attempt = (username: string, auth: unknown) =>
    call('POST', '/register', { body: { username, password: PASSWORD, auth }, variables })

  it('asks for a token and does not take the dummy stage for one (A1)', async () => {
    const username = freshLocalpart()
    expect(await attempt(username, undefined)).toMatchObject({ status: 401, body: { flows: [{ stages: ['m.login.registration_token'] }] } })
    expect((await attempt(username, DUMMY)).status).toBe(401)
    expect((await attempt(username, { type: 'm.login.registration_token' })).status).toBe(401)
    expect((await attempt(username, { type: 'm.login.registration_token', token: 'wrong' })).body.errcode).toBe('M_FORBIDDEN')
    expect((await attempt(username, { type: 'm.login.registration_token', token: ['wrong'] })).status).toBe(401)
  })

  it('counts uses, also of several at once, and does not count a name that was taken', async () => {
    await createRegistrationToken(registry(), { token: 'two', usesAllowed: 2, expiryTs: undefined })
    const auth = { type: 'm.login.registration_token', token: 'two' }
    const taken = (await registerAccount()).localpart
    expect((await attempt(taken, auth)).body.errcode).toBe('M_USER_IN_USE')
    const answers = await Promise.all(Array.from({ length: 4 }, () => attempt(freshLocalpart(), auth)))
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(2)
    const validity = await call('GET', '/_matrix/client/v1/register/m.login.registration_token/validity?token=two', { variables })
    expect(validity.body).toEqual({ valid: false })
  })

  it('does not take a token that has expired', async () => {
    await createRegistrationToken(registry(), { token: 'old', usesAllowed: undefined, expiryTs: 1 })
    expect((await attempt(freshLocalpart(), { type: 'm.login.registration_token', token: 'old' })).status).toBe(401)
    await createRegistrationToken(registry(), { token: 'any', usesAllowed: undefined, expiryTs: undefined })
    expect((await attempt(freshLocalpart(), { type: 'm.login.registration_token', token: 'any' })).status).toBe(200)
  })
})
