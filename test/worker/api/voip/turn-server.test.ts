import { describe, expect, it } from 'vitest'
import { call, registerAccount } from '../../../support/api-client.ts'

describe('GET /voip/turnServer', () => {
  it('is 404 where no TURN servers are configured, and nobody else’s business', async () => {
    const { token } = await registerAccount()
    const { status, body } = await call('GET', '/voip/turnServer', { token })
    expect([status, body.errcode]).toEqual([404, 'M_NOT_FOUND'])
    expect((await call('GET', '/voip/turnServer')).status).toBe(401)
  })
})
