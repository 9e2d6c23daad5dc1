import { runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { describe, expect, it } from 'vitest'
import { isPasswordOfAccount } from '../../../../src/durable/user/password.ts'
import { UserCore } from '../../../../src/durable/user/user-core.ts'
import { call, freshLocalpart, logIn, PASSWORD, passwordAuth, registerAccount, tryLogin, whoami } from '../../../support/api-client.ts'

describe('login with a password', () => {
  it('is the only flow', async () => {
    expect((await call('GET', '/login')).body).toEqual({ flows: [{ type: 'm.login.password' }] })
  })

  it('takes a localpart, a full ID, capitals, and the older `user` key', async () => {
    const { localpart, userId } = await registerAccount()
    for (const user of [localpart, userId, localpart.toUpperCase(), `@${localpart.toUpperCase()}:test.example`]) {
      expect((await tryLogin(user)).body).toMatchObject({ user_id: userId, access_token: expect.any(String) })
    }
    const body = { type: 'm.login.password', user: localpart, password: PASSWORD }
    expect((await call('POST', '/login', { body })).body.user_id).toBe(userId)
  })

  it('takes a password in another Unicode normalization', async () => {
    const localpart = freshLocalpart()
    await registerAccount(localpart, { password: 'stra\u00dfe \u00fcber' })
    expect((await tryLogin(localpart, 'stra\u00dfe u\u0308ber')).status).toBe(200)
  })

  it('makes a device with the given ID and name, or takes up the one there is and ends its older tokens', async () => {
    const { localpart } = await registerAccount()
    const first = await logIn(localpart, { device_id: 'TABLET', initial_device_display_name: 'Kitchen' })
    expect(first.deviceId).toBe('TABLET')
    const second = await logIn(localpart, { device_id: 'TABLET', initial_device_display_name: 'Ignored' })
    expect((await call('GET', '/devices/TABLET', { token: second.token })).body).toMatchObject({ display_name: 'Kitchen' })
    expect(await whoami(first.token)).toMatchObject({ status: 401, body: { errcode: 'M_UNKNOWN_TOKEN' } })
    expect((await whoami(second.token)).status).toBe(200)
  })

  it.each([['__proto__'], ['constructor'], ['toString'], ['hasOwnProperty'], ['a/b%2F c'], ['🦆']])(
    'takes %s as a device ID (P7)',
    async (deviceId) => {
      const { localpart } = await registerAccount()
      const session = await logIn(localpart, { device_id: deviceId })
      expect((await whoami(session.token)).body.device_id).toBe(deviceId)
      const device = await call('GET', `/devices/${encodeURIComponent(deviceId)}`, { token: session.token })
      expect(device.body).toMatchObject({ device_id: deviceId })
    },
  )

  it('refuses an impossible device ID before it hashes anything', async () => {
    const { localpart } = await registerAccount()
    expect((await tryLogin(localpart, PASSWORD, { device_id: '' })).body.errcode).toBe('M_INVALID_PARAM')
    expect((await tryLogin(localpart, PASSWORD, { device_id: 'x'.repeat(256) })).body.errcode).toBe('M_INVALID_PARAM')
  })

  it.each([
    ['the dummy type (A1)', { type: 'm.login.dummy' }, 400, 'M_UNKNOWN'],
    ['an unknown type', { type: 'm.login.magic' }, 400, 'M_UNKNOWN'],
    ['a type that is an array', { type: ['m.login.password'] }, 400, 'M_BAD_JSON'],
    ['no type', { type: undefined }, 400, 'M_MISSING_PARAM'],
    ['no user', { identifier: undefined }, 400, 'M_MISSING_PARAM'],
    ['an identifier without a user', { identifier: { type: 'm.id.user' } }, 400, 'M_MISSING_PARAM'],
    ['an unknown identifier', { identifier: { type: 'm.id.soul', user: 'x' } }, 400, 'M_UNKNOWN'],
    ['an e-mail address', { identifier: { type: 'm.id.thirdparty', medium: 'email', address: 'a@b.c' } }, 403, 'M_FORBIDDEN'],
    ['a user of another server', { identifier: { type: 'm.id.user', user: '@someone:elsewhere.example' } }, 403, 'M_FORBIDDEN'],
    ['a user who does not exist', { identifier: { type: 'm.id.user', user: 'nobody' } }, 403, 'M_FORBIDDEN'],
    ['a user ID with a NUL', { identifier: { type: 'm.id.user', user: 'a\u0000b' } }, 400, 'M_BAD_JSON'],
    ['no password', { password: undefined }, 400, 'M_MISSING_PARAM'],
    ['a wrong password', { password: 'wrong' }, 403, 'M_FORBIDDEN'],
    ['an empty password', { password: '' }, 403, 'M_FORBIDDEN'],
    ['an endless password', { password: 'x'.repeat(10_000) }, 403, 'M_FORBIDDEN'],
    ['a password that is a number', { password: 5 }, 400, 'M_BAD_JSON'],
  ])('refuses %s', async (_what, change, status, errcode) => {
    const { userId } = await registerAccount()
    const body = { ...passwordAuth({ userId }), ...change }
    expect(await call('POST', '/login', { body })).toMatchObject({ status, body: { errcode } })
  })

  it('says the same of a wrong password and of a user who does not exist (O12)', async () => {
    const { localpart } = await registerAccount()
    const [wrong, unknown] = [await tryLogin(localpart, 'wrong'), await tryLogin('nobody', 'wrong')]
    expect(wrong.body).toEqual(unknown.body)
    expect(wrong.status).toBe(unknown.status)
  })
})

describe('password checks inside an account (A15)', () => {
  const variables = { MYELIN_RATE_LIMITS: 'on' }
  const inAccount = <T>(userId: string, body: (core: UserCore) => Promise<T>): Promise<T> =>
    runInDurableObject(env.USER.get(env.USER.idFromName(userId)), (_user, state) =>
      body(new UserCore(state, { ...env, ...variables }, userId)),
    )
  const attempt = (core: UserCore, password: string, address: string) =>
    isPasswordOfAccount(core, password, address, 'test').catch((cause: unknown) => (cause instanceof Error ? cause.message : 'failed'))

  it('refuse further attempts from an address before they hash, while others still get in', async () => {
    const { userId } = await registerAccount()
    await inAccount(userId, async (core) => {
      const answers = []
      for (let count = 0; count < 12; count++) answers.push(await attempt(core, 'wrong', '192.0.2.1'))
      expect(answers.slice(0, 10).every((answer) => answer === false)).toBe(true)
      expect(answers.slice(10)).toEqual(['Too many requests', 'Too many requests'])
      expect(await attempt(core, PASSWORD, '192.0.2.1')).toBe('Too many requests')
      expect(await attempt(core, PASSWORD, '192.0.2.2')).toBe(true)
    })
  })

  it('count wrong ones durably and forget them after a right one', async () => {
    const { userId } = await registerAccount()
    const level = (core: UserCore) => core.store.first<{ level: number }>('SELECT level FROM password_failures')?.level
    await inAccount(userId, (core) => attempt(core, 'wrong', '192.0.2.1'))
    await inAccount(userId, async (core) => {
      expect(level(core)).toBe(1)
      expect(await attempt(core, PASSWORD, '192.0.2.1')).toBe(true)
      expect(level(core)).toBeUndefined()
    })
  })

  it('hash a password anew whose hash was made with older parameters', async () => {
    const { userId } = await registerAccount()
    await inAccount(userId, async (core) => {
      const { scryptSync } = await import('node:crypto')
      const salt = Buffer.alloc(16, 1)
      const hash = scryptSync(PASSWORD, salt, 32, { N: 2 ** 10, r: 8, p: 1 }).toString('base64')
      core.store.run('UPDATE account SET password_hash = ?', `$scrypt$ln=10,r=8,p=1$${salt.toString('base64')}$${hash}`)
      expect(await attempt(core, 'wrong', 'a')).toBe(false)
      expect(await attempt(core, PASSWORD, 'a')).toBe(true)
      const stored = core.store.first<{ password_hash: string }>('SELECT password_hash FROM account')?.password_hash
      expect(stored).toMatch(/^\$scrypt\$ln=14,r=8,p=1\$/)
      expect(await attempt(core, PASSWORD, 'a')).toBe(true)
    })
  })

  it('never match a stored hash that is damaged', async () => {
    const { userId } = await registerAccount()
    await inAccount(userId, async (core) => {
      for (const stored of ['', 'plain', '$scrypt$ln=30,r=8,p=1$AAAA$AAAA', '$scrypt$ln=14,r=8,p=1$AAAA$AAAA']) {
        core.store.run('UPDATE account SET password_hash = ?', stored)
        expect(await attempt(core, '', 'a')).toBe(false)
      }
    })
  })

  it('take as long for a user who does not exist as for a wrong password', async () => {
    const { userId } = await registerAccount()
    const timed = async (work: () => Promise<unknown>) => {
      const started = performance.now()
      await work()
      return performance.now() - started
    }
    let [known, unknown] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY]
    let ratio = 0
    // The fastest of each: what else the machine does only makes them slower. Without a hash an answer takes a tenth of this.
    for (let round = 0; round < 40 && (round < 3 || ratio < 0.5 || ratio > 2); round++) {
      known = Math.min(known, await timed(() => tryLogin(userId, 'wrong')))
      unknown = Math.min(unknown, await timed(() => tryLogin('nobody', 'wrong')))
      ratio = unknown / known
    }
    expect(ratio).toBeGreaterThan(0.4)
    expect(ratio).toBeLessThan(2.5)
  })
})
