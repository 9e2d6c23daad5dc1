import { beforeAll, describe, expect, it } from 'vitest'
import { ENDPOINTS } from '../../../../src/api/index.ts'
import { pathVariants } from '../../../../src/http/path.ts'
import { call, registerAccount, type TestSession } from '../../../support/api-client.ts'

let session: TestSession
beforeAll(async () => {
  session = await registerAccount()
})

const UNRECOGNIZED = { errcode: 'M_UNRECOGNIZED', error: expect.any(String) }
/** Sends a request for an undecoded path; `URL` leaves percent-encoding as it is. */
const get = (path: string, token = session.token) => call('GET', path, { token })

describe('paths (P9)', () => {
  it.each([
    '/_matrix',
    '/_matrix/client/v3/nothing',
    '/_matrix/client/V3/account/whoami',
    '/_MATRIX/client/v3/account/whoami',
    '/_matrix/client/v3/account/Whoami',
    '/_matrix/client/v3/account/whoami/',
    '/_matrix/client/v3//account/whoami',
    '/_matrix//client/v3/account/whoami',
    '/_matrix/client/v3/account%2Fwhoami',
    '/_matrix/client/v3/account/%77hoami',
    '/_matrix/client/v9/account/whoami',
    '/_synapse/admin/v1/users',
    '/_debug',
  ])('%s is unknown: 404', async (path) => {
    expect(await get(path)).toMatchObject({ status: 404, body: UNRECOGNIZED })
  })

  it.each([
    ['POST', '/account/whoami'],
    ['DELETE', '/account/whoami'],
    ['GET', '/logout'],
    ['PUT', '/login'],
    ['PATCH', '/devices/x'],
    ['POST', '/profile/@a:b/displayname'],
    ['GET', '/delete_devices'],
    ['POST', '/_matrix/client/versions'],
  ])('%s %s is a known path with another method: 405', async (method, path) => {
    expect(await call(method, path, { token: session.token })).toMatchObject({ status: 405, body: UNRECOGNIZED })
  })

  it('have their segments decoded exactly once', async () => {
    const types: [string, string][] = [
      ['a%2Fb', 'a/b'],
      ['a%252Fb', 'a%2Fb'],
      ['a%25252Fb', 'a%252Fb'],
      ['..%2F..%2Fetc', '../../etc'],
      ['%2e%2E%2Fx', '../x'],
      ['a+b', 'a+b'],
      ['a%20b', 'a b'],
      ['%3F%23', '?#'],
      ['%F0%9F%A6%86', '🦆'],
      ['%5C', '\\'],
    ]
    for (const [encoded, decoded] of types) {
      const path = `/user/${session.userId}/account_data/`
      expect((await call('PUT', `${path}${encoded}`, { token: session.token, body: { decoded } })).status).toBe(200)
      expect((await get(`${path}${encodeURIComponent(decoded)}`)).body).toEqual({ decoded })
    }
  })

  it.each(['%00', 'a%00b', '%', '%zz', '%ff', '%c3%28', '%ed%a0%80'])('that contain %s are refused', async (segment) => {
    expect(await get(`/user/${session.userId}/account_data/${segment}`)).toMatchObject({
      status: 400,
      body: { errcode: 'M_INVALID_PARAM' },
    })
  })

  it('that climb out of their folder lead where the URL says and nowhere else', async () => {
    expect((await get('/user/x/../../account/whoami')).status).toBe(200)
    expect((await get('/user/x/%2e%2e/%2e%2e/account/whoami')).status).toBe(200)
    expect((await get('/user/x%2f..%2f..%2faccount%2fwhoami')).status).toBe(404)
  })

  it('under r0 are those under v3', async () => {
    expect((await get('/_matrix/client/r0/account/whoami')).body.user_id).toBe(session.userId)
  })
})

describe('every answer', () => {
  const cases: [string, string][] = [
    ['GET', '/_matrix/client/versions'],
    ['GET', '/account/whoami'],
    ['GET', '/nothing'],
    ['POST', '/account/whoami'],
    ['POST', '/login'],
    ['GET', '/.well-known/matrix/client'],
    ['GET', '/user/%/x/y'],
  ]
  it.each(cases)('can be read across origins, never with credentials: %s %s', async (method, path) => {
    const { headers } = await call(method, path, { headers: { Origin: 'https://app.example' } })
    expect(headers.get('Access-Control-Allow-Origin')).toBe('*')
    expect(headers.get('Access-Control-Allow-Methods')).toContain('PUT')
    expect(headers.get('Access-Control-Allow-Headers')).toContain('Authorization')
    expect(headers.has('Access-Control-Allow-Credentials')).toBe(false)
  })

  it('to a preflight is a success, whatever the path', async () => {
    for (const path of ['/account/whoami', '/nothing', '/_matrix/client/v3/rooms/x/y/z', '/']) {
      const { status, headers } = await call('OPTIONS', `/_matrix/client/v3${path}`)
      expect(status).toBe(204)
      expect(headers.get('Access-Control-Allow-Origin')).toBe('*')
    }
  })

  it('to an authenticated request is not to be stored', async () => {
    for (const path of ['/account/whoami', '/devices', `/user/${session.userId}/account_data/missing`]) {
      expect((await get(path)).headers.get('Cache-Control')).toBe('no-store')
    }
  })

  it('has a request ID of this server, whatever the client says', async () => {
    const { headers } = await call('GET', '/_matrix/client/versions', { headers: { 'X-Request-Id': 'mine' } })
    expect(headers.get('X-Request-Id')).toMatch(/^[A-Za-z0-9]{8}-[a-z0-9]+$/)
  })
})

describe('the registry of endpoints', () => {
  it('names each method and path once', () => {
    const routes = ENDPOINTS.flatMap(({ method, paths }) => paths.flatMap(pathVariants).map((path) => `${method} ${path}`))
    expect(new Set(routes).size).toBe(routes.length)
  })

  it('lists only endpoints that refuse to work without the credential they declare', async () => {
    for (const { method, paths, auth } of ENDPOINTS) {
      if (auth !== 'user') continue
      for (const path of paths) {
        const { status, body } = await call(method, path.replaceAll(/:[A-Za-z]+\??/g, 'x'))
        expect(`${method} ${path}: ${status} ${body.errcode}`).toBe(`${method} ${path}: 401 M_MISSING_TOKEN`)
      }
    }
  })

  it('lists only endpoints that refuse a token that was made up', async () => {
    for (const { method, paths, auth } of ENDPOINTS) {
      if (auth === 'none') continue
      for (const path of paths) {
        const { status } = await call(method, path.replaceAll(/:[A-Za-z]+\??/g, 'x'), { token: 'made-up' })
        expect(`${method} ${path}: ${status}`).toBe(`${method} ${path}: 401`)
      }
    }
  })
})

describe('requests from outside (O13)', () => {
  it('gain nothing from headers that the server uses inside', async () => {
    const { userId } = session
    const headers = {
      'X-Myelin-User': userId,
      'X-Myelin-Internal': '1',
      'X-Myelin-Device': session.deviceId,
      'CF-Connecting-IP': '127.0.0.1',
      'X-Forwarded-For': '127.0.0.1',
    }
    expect((await call('GET', '/account/whoami', { headers })).status).toBe(401)
    expect((await call('GET', '/_myelin/control/metrics', { headers })).status).toBe(404)
    expect((await call('GET', '/_myelin/control/metrics', { headers, token: session.token })).status).toBe(404)
  })

  it('reach no object without a handler of the Worker', async () => {
    const headers = { Upgrade: 'websocket', Connection: 'Upgrade' }
    for (const path of [`/user/${session.userId}`, `/_user/${session.userId}`, '/_matrix/client/v3/sync/socket']) {
      expect((await call('GET', `/_matrix/client/v3${path}`, { headers })).status).toBe(404)
    }
  })
})
