import { env } from 'cloudflare:workers'
import { describe, expect, it } from 'vitest'
import { costsOfRequest, costTotals } from '../../../../src/runtime/metrics.ts'
import { call, registerAccount, whoami } from '../../../support/api-client.ts'

const costsOf = (headers: Headers) => costsOfRequest(headers.get('X-Request-Id') ?? '')

describe('a session', () => {
  it('costs one round trip together with what is asked of it, and no commit or registry statement', async () => {
    const { token } = await registerAccount()
    for (let count = 0; count < 2; count++) expect(costsOf((await whoami(token)).headers)).toEqual({ rpc: 1 })
    const put = await call('PUT', `/user/${(await whoami(token)).body.user_id}/account_data/x`, { token, body: { a: 1 } })
    expect(costsOf(put.headers)).toEqual({ rpc: 1, commit: 1 })
  })

  it('whose object ends while it is used fails with M_UNKNOWN, and the next one works', async () => {
    const { token, userId } = await registerAccount()
    const ended = env.USER.get(env.USER.idFromName(userId))
      .abortForTest()
      .catch(() => 'ended')
    const [status] = [(await whoami(token)).status, await ended]
    expect([200, 500]).toContain(status)
    expect((await whoami(token)).status).toBe(200)
  })

  it('registered and logged in on costs a commit and a statement each', async () => {
    const before = costTotals()
    const { localpart } = await registerAccount()
    expect((costTotals().commit ?? 0) - (before.commit ?? 0)).toBe(1)
    const body = { type: 'm.login.password', identifier: { type: 'm.id.user', user: localpart }, password: 'correct horse battery staple' }
    expect(costsOf((await call('POST', '/login', { body })).headers)).toEqual({ rpc: 1, commit: 1 })
  })
})
