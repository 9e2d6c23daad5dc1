import { describe, expect, it } from 'vitest'
import { ENDPOINTS } from '../../../../src/api/index.ts'
import { call, registerAccount } from '../../../support/api-client.ts'

/** Registration with the shared secret is for whoever knows the secret. */
const BY_SECRET = '/_synapse/admin/v1/register'

const routes = ENDPOINTS.flatMap(({ method, paths }) => paths.map((path) => ({ method, path }))).filter(
  ({ path }) => /^\/(?:_synapse\/admin|_matrix\/client\/v1\/admin)\//.test(path) && path !== BY_SECRET,
)

/** What stands for parameters: valid, of nothing that exists. */
const FILLED: Readonly<Record<string, string>> = {
  ':userId': '@nobody:test.example',
  ':serverName': 'test.example',
  ':mediaId': 'abcdefghijklmnopqrstuvwx',
  ':id': '1',
}

describe('O1: every route for administrators', () => {
  it('is known to this test', () => {
    expect(routes.length).toBeGreaterThan(15)
    expect(routes.flatMap(({ path }) => path.match(/:\w+/g) ?? []).filter((name) => FILLED[name] === undefined)).toEqual([])
  })

  it('is refused to whoever shows no token, and to users, whether what they name exists or not', async () => {
    const user = await registerAccount()
    for (const { method, path } of routes) {
      const filled = path.replace(/:\w+/g, (name) => encodeURIComponent(FILLED[name] ?? ''))
      const body = method === 'GET' || method === 'DELETE' ? {} : { body: { locked: true, suspended: true } }
      const query = path.endsWith('purge_media_cache') ? '?before_ts=0' : ''
      expect([path, (await call(method, `${filled}${query}`, body)).status]).toEqual([path, 401])
      const { status, body: refusal } = await call(method, `${filled}${query}`, { token: user.token, ...body })
      expect([path, status, refusal.errcode]).toEqual([path, 403, 'M_FORBIDDEN'])
    }
  })
})
