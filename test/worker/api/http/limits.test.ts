import { runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { describe, expect, it } from 'vitest'
import { verifyPassword } from '../../../../src/durable/user/password-hash.ts'
import { admit } from '../../../../src/durable/user/tokens.ts'
import { UserCore } from '../../../../src/durable/user/user-core.ts'
import { call, freshLocalpart, registerAccount } from '../../../support/api-client.ts'

const variables = { MYELIN_RATE_LIMITS: 'on' }

describe('limits', () => {
  it('by address say when to come back, apart for each address and class', async () => {
    const attempt = (address: string) =>
      call('POST', '/register', { body: { username: freshLocalpart() }, headers: { 'CF-Connecting-IP': address }, variables })
    const statuses = []
    for (let count = 0; count < 10; count++) statuses.push((await attempt('192.0.2.1')).status)
    expect(new Set(statuses)).toEqual(new Set([401]))
    const refused = await attempt('192.0.2.1')
    expect(refused).toMatchObject({ status: 429, body: { errcode: 'M_LIMIT_EXCEEDED', retry_after_ms: expect.any(Number) } })
    expect(Number(refused.headers.get('Retry-After'))).toBeGreaterThan(0)
    expect(refused.headers.get('Access-Control-Allow-Origin')).toBe('*')
    expect((await attempt('192.0.2.2')).status).toBe(401)
    expect((await call('GET', '/login', { headers: { 'CF-Connecting-IP': '192.0.2.1' }, variables })).status).toBe(200)
  })

  it('by user hold over all of the user’s devices, apart for each class', async () => {
    const { userId, token } = await registerAccount()
    const stub = env.USER.get(env.USER.idFromName(userId))
    await runInDurableObject(stub, (_user, state) => {
      const core = new UserCore(state, { ...env, ...variables }, userId)
      const ask = (rateLimit: 'create-room' | 'read') =>
        admit(core, { kind: 'access_token', token, requestId: 'test', rateLimit, standing: 'unrestricted', clientAddress: 'a' })
      for (let count = 0; count < 20; count++) expect(ask('create-room').admitted).toBe(true)
      expect(ask('create-room')).toMatchObject({ admitted: false, error: { errcode: 'M_LIMIT_EXCEEDED' } })
      expect(ask('read').admitted).toBe(true)
    })
  })

  it('are off where the operator says so', async () => {
    for (let count = 0; count < 15; count++) {
      const answer = await call('POST', '/register', { body: { username: freshLocalpart() }, headers: { 'CF-Connecting-IP': '192.0.2.9' } })
      expect(answer.status).toBe(401)
    }
  })
})

describe('password hashes (A15)', () => {
  it('that wait are bounded in number; more are refused at once', async () => {
    const checks = Array.from({ length: 70 }, () =>
      verifyPassword('wrong', undefined).then(
        () => 'checked',
        () => 'refused',
      ),
    )
    const outcomes = await Promise.all(checks)
    expect(outcomes.filter((outcome) => outcome === 'refused')).toHaveLength(6)
    expect(await verifyPassword('wrong', undefined)).toMatchObject({ right: false })
  })
})
