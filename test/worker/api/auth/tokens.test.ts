import { runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { describe, expect, it } from 'vitest'
import { mintToken } from '../../../../src/runtime/access-token.ts'
import { configOf } from '../../../../src/runtime/config.ts'
import { call, logIn, PASSWORD, passwordAuth, registerAccount, type TestSession, whoami } from '../../../support/api-client.ts'

const refreshable = { refresh_token: true }
const refresh = (token: string | undefined) => call('POST', '/refresh', { body: { refresh_token: token } })
const UNKNOWN = { status: 401, body: { errcode: 'M_UNKNOWN_TOKEN' } }

/** Runs SQL in an account's database. */
function inDatabase(userId: string, query: string): Promise<Record<string, unknown>[]> {
  return runInDurableObject(env.USER.get(env.USER.idFromName(userId)), (_user, state) => state.storage.sql.exec(query).toArray())
}

describe('access tokens (A2)', () => {
  it('say what they are, hold more than 128 random bits, and are stored as hashes only', async () => {
    const session = await registerAccount(undefined, refreshable)
    expect(session.token).toMatch(/^mya_[A-Za-z0-9_-]+_[A-Za-z0-9]{24}_[A-Za-z0-9_-]{16}$/)
    expect(session.refreshToken).toMatch(/^myr_/)
    const tables = ['access_tokens', 'refresh_tokens', 'account', 'devices', 'uia_sessions']
    const rows = await Promise.all(tables.map((table) => inDatabase(session.userId, `SELECT * FROM ${table}`)))
    const everything = JSON.stringify(rows)
    for (const secret of [session.token, session.refreshToken, PASSWORD]) expect(everything).not.toContain(secret)
    const random = session.token.split('_').at(-2)
    expect(everything).not.toContain(random)
  })

  it.each([
    ['nothing', {}, 'M_MISSING_TOKEN'],
    ['an empty header', { Authorization: '' }, 'M_MISSING_TOKEN'],
    ['another scheme', { Authorization: 'Basic abc' }, 'M_MISSING_TOKEN'],
    ['an empty bearer', { Authorization: 'Bearer ' }, 'M_MISSING_TOKEN'],
    ['an invented token', { Authorization: 'Bearer nonsense' }, 'M_UNKNOWN_TOKEN'],
    ['a token of the right form', { Authorization: `Bearer mya_YWxpY2U_${'a'.repeat(24)}_${'b'.repeat(16)}` }, 'M_UNKNOWN_TOKEN'],
    ['an endless token', { Authorization: `Bearer mya_${'a'.repeat(7_000)}` }, 'M_UNKNOWN_TOKEN'],
  ])('are refused when the request has %s', async (_what, headers, errcode) => {
    expect(await call('GET', '/account/whoami', { headers })).toMatchObject({ status: 401, body: { errcode } })
  })

  it('are accepted in the query, as older clients send them', async () => {
    const { token, userId } = await registerAccount()
    expect((await call('GET', `/account/whoami?access_token=${token}`)).body.user_id).toBe(userId)
  })

  it('work for their own account and kind only', async () => {
    const { token, refreshToken, localpart } = await registerAccount(undefined, refreshable)
    const other = await registerAccount()
    expect(await whoami(refreshToken ?? '')).toMatchObject(UNKNOWN)
    expect(await refresh(token)).toMatchObject(UNKNOWN)
    expect(await whoami(mintToken(configOf(env), 'access', localpart))).toMatchObject(UNKNOWN)
    const swapped = token.replace(/^mya_[^_]+/, other.token.slice(0, other.token.indexOf('_', 4)))
    expect(await whoami(swapped)).toMatchObject(UNKNOWN)
  })

  it('without a refresh token do not expire; with one they do, and say so', async () => {
    const { localpart, userId } = await registerAccount()
    const plain = await call('POST', '/login', { body: passwordAuth({ userId }) })
    expect(plain.body).not.toHaveProperty('expires_in_ms')
    expect(plain.body).not.toHaveProperty('refresh_token')
    const { body } = await call('POST', '/login', { body: { ...passwordAuth({ userId }), ...refreshable } })
    expect(body.expires_in_ms).toBeGreaterThan(60_000)
    expect(localpart).not.toBe('')
  })

  it('that have expired are a soft logout: the device is still there', async () => {
    const { localpart, userId } = await registerAccount()
    const session = await logIn(localpart, refreshable)
    await inDatabase(userId, 'UPDATE access_tokens SET expires_ts = 1 WHERE expires_ts IS NOT NULL')
    expect(await whoami(session.token)).toMatchObject({ ...UNKNOWN, body: { soft_logout: true } })
    const next = await refresh(session.refreshToken)
    expect((await whoami(next.body.access_token)).body.device_id).toBe(session.deviceId)
  })
})

describe('revocation (A3)', () => {
  const cases: [string, (session: TestSession, other: TestSession) => Promise<unknown>][] = [
    ['logout', ({ token }) => call('POST', '/logout', { token })],
    ['logout of all devices', (_session, { token }) => call('POST', '/logout/all', { token })],
    [
      'deletion of the device',
      (session, other) => call('DELETE', `/devices/${session.deviceId}`, { token: other.token, body: { auth: passwordAuth(session) } }),
    ],
    [
      'deletion of several devices',
      (session, other) =>
        call('POST', '/delete_devices', { token: other.token, body: { devices: [session.deviceId], auth: passwordAuth(session) } }),
    ],
    [
      'a new password',
      (session, other) =>
        call('POST', '/account/password', { token: other.token, body: { new_password: 'another one', auth: passwordAuth(session) } }),
    ],
    [
      'deactivation',
      (session, other) => call('POST', '/account/deactivate', { token: other.token, body: { auth: passwordAuth(session) } }),
    ],
  ]

  it.each(cases)('by %s ends access and refresh tokens at once, without a soft logout', async (_what, revoke) => {
    const other = await registerAccount()
    const session = await logIn(other.localpart, refreshable)
    expect((await whoami(session.token)).status).toBe(200)
    expect(await revoke(session, other)).toMatchObject({ status: 200 })
    expect(await whoami(session.token)).toMatchObject({ ...UNKNOWN, body: { soft_logout: false } })
    expect(await refresh(session.refreshToken)).toMatchObject(UNKNOWN)
    for (const table of ['access_tokens', 'refresh_tokens', 'devices']) {
      expect(await inDatabase(session.userId, `SELECT 1 FROM ${table} WHERE device_id = '${session.deviceId}'`)).toEqual([])
    }
  })

  it('by logout leaves other devices alone', async () => {
    const first = await registerAccount()
    const second = await logIn(first.localpart)
    await call('POST', '/logout', { token: first.token })
    expect((await whoami(second.token)).status).toBe(200)
  })

  it('by logout works once, and not without a token', async () => {
    const { token } = await registerAccount()
    expect(await call('POST', '/logout', { token })).toMatchObject({ status: 200, body: {} })
    expect(await call('POST', '/logout', { token })).toMatchObject(UNKNOWN)
    expect(await call('POST', '/logout')).toMatchObject({ status: 401, body: { errcode: 'M_MISSING_TOKEN' } })
  })

  it('reaches requests that are on their way', async () => {
    const { token } = await registerAccount()
    const answers = await Promise.all([call('POST', '/logout', { token }), ...Array.from({ length: 5 }, () => whoami(token))])
    expect(answers[0]?.status).toBe(200)
    expect(await whoami(token)).toMatchObject(UNKNOWN)
  })
})

describe('refresh tokens (A4)', () => {
  it('give a new pair, after whose first use the old pair is dead', async () => {
    const session = await registerAccount(undefined, refreshable)
    const next = await refresh(session.refreshToken)
    expect(next.body).toMatchObject({
      access_token: expect.any(String),
      refresh_token: expect.any(String),
      expires_in_ms: expect.any(Number),
    })
    expect((await whoami(session.token)).status).toBe(200)
    expect((await whoami(next.body.access_token)).status).toBe(200)
    expect(await whoami(session.token)).toMatchObject({ ...UNKNOWN, body: { soft_logout: true } })
  })

  it('can be used again when the answer was lost, and give the same pair', async () => {
    const session = await registerAccount(undefined, refreshable)
    const [first, again] = [await refresh(session.refreshToken), await refresh(session.refreshToken)]
    expect(again.body.access_token).toBe(first.body.access_token)
    expect(again.body.refresh_token).toBe(first.body.refresh_token)
    expect((await whoami(again.body.access_token)).status).toBe(200)
  })

  it('used by several at once give everybody the same working pair', async () => {
    const session = await registerAccount(undefined, refreshable)
    const answers = await Promise.all(Array.from({ length: 5 }, () => refresh(session.refreshToken)))
    const pairs = new Set(answers.map(({ body }) => `${body.access_token} ${body.refresh_token}`))
    expect(pairs.size).toBe(1)
    expect((await whoami(answers[0]?.body.access_token)).status).toBe(200)
    const third = await refresh(answers[0]?.body.refresh_token)
    expect((await whoami(third.body.access_token)).status).toBe(200)
  })

  it.each([
    ['access token', (next: { access_token: string }) => whoami(next.access_token)],
    ['refresh token', (next: { refresh_token: string }) => refresh(next.refresh_token)],
  ])('shown again after the next %s was used end the whole session', async (_what, use) => {
    const session = await registerAccount(undefined, refreshable)
    const next = (await refresh(session.refreshToken)).body
    const used = await use(next)
    expect(used.status).toBe(200)
    expect(await refresh(session.refreshToken)).toMatchObject(UNKNOWN)
    expect(await whoami(next.access_token)).toMatchObject(UNKNOWN)
    expect(await refresh(next.refresh_token)).toMatchObject(UNKNOWN)
    if ('access_token' in used.body) expect(await whoami(used.body.access_token)).toMatchObject(UNKNOWN)
  })

  it('go on for many rounds and keep a bounded number of rows', async () => {
    const session = await registerAccount(undefined, refreshable)
    let current = { access_token: session.token, refresh_token: session.refreshToken ?? '' }
    for (let round = 0; round < 40; round++) {
      current = (await refresh(current.refresh_token)).body
      expect((await whoami(current.access_token)).status).toBe(200)
    }
    for (const table of ['access_tokens', 'refresh_tokens']) {
      const [row] = await inDatabase(session.userId, `SELECT count(*) AS count FROM ${table}`)
      expect(row?.count).toBeLessThan(40)
    }
  })

  it.each([[undefined], [5], [''], ['myr_nonsense'], [null]])('that are %s are refused', async (token) => {
    const answer = await call('POST', '/refresh', { body: { refresh_token: token } })
    expect([400, 401]).toContain(answer.status)
  })

  it('of a deactivated account are refused', async () => {
    const session = await registerAccount(undefined, refreshable)
    await call('POST', '/account/deactivate', { token: session.token, body: { auth: passwordAuth(session) } })
    expect(await refresh(session.refreshToken)).toMatchObject(UNKNOWN)
  })
})
