import { env, exports } from 'cloudflare:workers'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { z } from 'zod'
import { RequestContext } from '../../../src/domain/context.ts'
import { serverEndpoint } from '../../../src/federation/inbound/endpoint.ts'
import { FEDERATION_ENDPOINTS } from '../../../src/federation/inbound/index.ts'
import { findRequestKey } from '../../../src/federation/inbound/request-key.ts'
import { createRouter } from '../../../src/http/router.ts'
import { jsonObject } from '../../../src/http/schema/json.ts'
import type { JsonObject } from '../../../src/matrix/json.ts'
import { createSigner } from '../../../src/matrix/signing.ts'
import { HostileInternet } from '../../support/hostile-internet.ts'
import { HostileServer } from '../../support/hostile-server.ts'

/** Endpoints like those of federation, which tell what they were given. */
const params = z.object({ id: z.string() })
const echo = serverEndpoint(
  { method: 'PUT', path: '/_matrix/federation/v1/echo/:id', params, body: jsonObject },
  ({ params, body, origin }) => ({
    id: params.id,
    body,
    origin: origin.serverName,
    inexact: origin.inexact.size,
  }),
)
const read = serverEndpoint({ method: 'GET', path: '/_matrix/federation/v1/read/:id', params }, ({ params, origin }) => ({
  id: params.id,
  origin: origin.serverName,
}))
const app = createRouter([echo, read], (facts) => new RequestContext(facts), findRequestKey)
const deaf = createRouter([echo, read], (facts) => new RequestContext(facts))

const US = 'https://test.example'
const URL_OF_ECHO = `${US}/_matrix/federation/v1/echo/x`
const BODY = { a: [1, { z: 1, b: 'ü' }] }
let names = 0
let internet: HostileInternet
let peer: HostileServer

beforeEach(() => {
  names += 1
  internet = new HostileInternet().install()
  peer = new HostileServer(`peer${names}.example`, 1)
  internet.server(peer)
})
afterEach(() => {
  vi.restoreAllMocks()
})

async function ask(request: Request, router = app, bindings: typeof env = env) {
  const execution = { waitUntil: () => undefined, passThroughOnException: () => undefined, props: {} }
  const response = await router.fetch(request, bindings, execution)
  const body: unknown = await response.json()
  return { status: response.status, body: body as JsonObject }
}

describe('the router (F1)', () => {
  const open = ['/_matrix/federation/v1/version', '/_matrix/federation/v1/openid/userinfo']
  const closed = FEDERATION_ENDPOINTS.flatMap(({ method, paths }) => paths.map((path) => ({ method, path }))).filter(
    ({ path }) => /^\/_matrix\/(?:federation|policy)\//.test(path) && !open.includes(path),
  )

  it('lists nothing for other servers that is open, but what the specification leaves open', () => {
    const unguarded = FEDERATION_ENDPOINTS.filter(({ auth }) => auth !== 'server').flatMap(({ paths }) => paths)
    expect(unguarded.filter((path) => !open.includes(path) && !path.startsWith('/_matrix/key/v2/'))).toEqual([])
  })

  it('answers 401 to everything else without a valid signature', async () => {
    for (const { method, path } of closed) {
      const url = `${US}${path.replaceAll(/:[A-Za-z]+\??/g, 'x')}`
      const body = method === 'GET' ? {} : { body: '{}' }
      for (const headers of [
        {},
        { authorization: 'Bearer x' },
        { authorization: 'X-Matrix origin="a.example",key="ed25519:a",sig="AAAA"' },
      ]) {
        const response = await exports.default.fetch(new Request(url, { method, headers, ...body }))
        expect(`${method} ${path}: ${response.status}`).toBe(`${method} ${path}: 401`)
        await response.text()
      }
    }
  })
})

describe('a signed request', () => {
  it('is accepted, and its handler receives the very body that was verified (F3)', async () => {
    expect(await ask(peer.signedRequest('PUT', URL_OF_ECHO, BODY))).toEqual({
      status: 200,
      body: { id: 'x', body: BODY, origin: peer.serverName, inexact: 0 },
    })
    expect(await ask(peer.signedRequest('GET', `${US}/_matrix/federation/v1/read/y?z=1`))).toEqual({
      status: 200,
      body: { id: 'y', origin: peer.serverName },
    })
    expect(peer.asked(/key/)).toBe(1)
  })

  it('is verified over the path as it came, not decoded and encoded again (F3)', async () => {
    for (const path of ['a%2Fb', 'a%2fb', '%61', 'a+b', 'a%20b', '$x:y', "a'b", '!a:b?x=%2F&y=a+b&&', '~x?', 'x?a=%C3%BC']) {
      const signedUri = `/_matrix/federation/v1/read/${path}`
      expect(await ask(peer.signedRequest('GET', `${US}${signedUri}`, undefined, { signedUri }))).toMatchObject({ status: 200 })
    }
  })

  it('may carry numbers that only old rooms have, and says where (F16)', async () => {
    const text = '{"pdus":[{"n":1.0},{"n":1}],"big":1e30}'
    const canonical = '{"big":1e30,"pdus":[{"n":1.0},{"n":1}]}'
    const { signRequest } = await import('../../../src/matrix/x-matrix.ts')
    const uri = '/_matrix/federation/v1/echo/x'
    const authorization = signRequest({ method: 'PUT', uri, destination: 'test.example', canonicalContent: canonical }, peer.signer)
    const answer = await ask(new Request(URL_OF_ECHO, { method: 'PUT', headers: { authorization }, body: text }))
    // The whole, the list, and the first event.
    expect(answer).toMatchObject({ status: 200, body: { inexact: 3 } })
  })

  it('is refused where nobody can look keys up', async () => {
    expect(await ask(peer.signedRequest('PUT', URL_OF_ECHO, BODY), deaf)).toMatchObject({ status: 401 })
  })
})

describe('a request is refused with 401 (F2, F4)', () => {
  const withHeader = (authorization: string, extra: RequestInit = {}) =>
    new Request(URL_OF_ECHO, { method: 'PUT', headers: { authorization }, body: JSON.stringify(BODY), ...extra })
  const headerOf = (request: Request): string => request.headers.get('authorization') ?? ''

  it.each<[string, () => Request]>([
    ['without a header', () => new Request(URL_OF_ECHO, { method: 'PUT', body: '{}' })],
    ['with an access token', () => withHeader('Bearer mya_x')],
    ['signed for another server', () => peer.signedRequest('PUT', URL_OF_ECHO, BODY, { destination: 'other.example' })],
    ['signed for our name in capitals', () => peer.signedRequest('PUT', URL_OF_ECHO, BODY, { destination: 'TEST.example' })],
    [
      'that does not say for whom',
      () => withHeader(headerOf(peer.signedRequest('PUT', URL_OF_ECHO, BODY)).replace(/destination="[^"]*",/, '')),
    ],
    [
      'signed for another, said to be for us',
      () =>
        withHeader(
          headerOf(peer.signedRequest('PUT', URL_OF_ECHO, BODY, { destination: 'other.example' })).replace('other.example', 'test.example'),
        ),
    ],
    ['with another body than was signed', () => peer.signedRequest('PUT', URL_OF_ECHO, { ...BODY, b: 1 }, { signedBody: BODY })],
    ['with a body that was not signed', () => withHeader(headerOf(peer.signedRequest('PUT', URL_OF_ECHO)))],
    ['without the body that was signed', () => withHeader(headerOf(peer.signedRequest('PUT', URL_OF_ECHO, BODY)), { body: null })],
    ['with another query', () => peer.signedRequest('PUT', `${URL_OF_ECHO}?a=2`, BODY, { signedUri: '/_matrix/federation/v1/echo/x?a=1' })],
    ['with another path', () => peer.signedRequest('PUT', URL_OF_ECHO, BODY, { signedUri: '/_matrix/federation/v1/echo/y' })],
    [
      'with another encoding of the path',
      () => peer.signedRequest('PUT', URL_OF_ECHO, BODY, { signedUri: '/_matrix/federation/v1/echo/%78' }),
    ],
    ['signed for another method', () => withHeader(headerOf(peer.signedRequest('POST', URL_OF_ECHO, BODY)))],
    [
      'signed by another key under the ID',
      () =>
        peer.signedRequest('PUT', URL_OF_ECHO, BODY, {
          signer: createSigner(peer.serverName, 'ed25519:a_hostile', new Uint8Array(32).fill(2)),
        }),
    ],
    [
      'signed by a key that its server does not have',
      () => peer.signedRequest('PUT', URL_OF_ECHO, BODY, { signer: createSigner(peer.serverName, 'ed25519:none', peer.seed) }),
    ],
    [
      'in the name of a server that does not answer',
      () => new HostileServer(`gone${names}.example`, 1).signedRequest('PUT', URL_OF_ECHO, BODY),
    ],
    [
      'in our own name',
      () =>
        peer.signedRequest('PUT', URL_OF_ECHO, BODY, {
          signer: createSigner('test.example', 'ed25519:a_test', new Uint8Array(32).fill(9)),
        }),
    ],
    [
      'with two headers',
      () => {
        const request = peer.signedRequest('PUT', URL_OF_ECHO, BODY)
        request.headers.append('authorization', headerOf(request))
        return request
      },
    ],
    ['with a parameter twice', () => withHeader(`${headerOf(peer.signedRequest('PUT', URL_OF_ECHO, BODY))},origin="${peer.serverName}"`)],
    [
      'with a signature that is none',
      () => withHeader(headerOf(peer.signedRequest('PUT', URL_OF_ECHO, BODY)).replace(/sig="[^"]*"/, 'sig="???"')),
    ],
    ['with a body that is not JSON', () => withHeader(headerOf(peer.signedRequest('PUT', URL_OF_ECHO, BODY)), { body: 'hello' })],
    [
      'with a body that is not UTF-8',
      () => withHeader(headerOf(peer.signedRequest('PUT', URL_OF_ECHO, BODY)), { body: Uint8Array.of(0xff) }),
    ],
    ['with a body that is a list', () => withHeader(headerOf(peer.signedRequest('PUT', URL_OF_ECHO, BODY)), { body: '[]' })],
    [
      'with a key twice in the body',
      () =>
        withHeader(headerOf(peer.signedRequest('PUT', URL_OF_ECHO, BODY)), { body: '{"a":[1,{"z":1,"b":"ü"}],"a":[1,{"z":1,"b":"ü"}]}' }),
    ],
  ])('%s', async (_, request) => {
    expect(await ask(request())).toMatchObject({ status: 401, body: { errcode: 'M_UNAUTHORIZED' } })
  })

  it('with quotes, spaces, capitals and escapes it is the same header', async () => {
    const header = headerOf(peer.signedRequest('PUT', URL_OF_ECHO, BODY))
    const [, origin, key, sig] = /origin="([^"]*)".*key="([^"]*)",sig="([^"]*)"/.exec(header) ?? []
    for (const same of [
      `X-Matrix origin=${origin},destination=test.example,key="${key}",sig="${sig}"`,
      `x-matrix  ORIGIN="${origin}" , Destination="test\\.example",key="${key}",sig="${sig}",future="x"`,
    ]) {
      expect(await ask(withHeader(same))).toMatchObject({ status: 200 })
    }
  })
})

it('a body over the limit of its route is refused before it is held (P1)', async () => {
  const request = peer.signedRequest('PUT', URL_OF_ECHO, { a: 'x'.repeat(1_100_000) })
  expect(await ask(request)).toMatchObject({ status: 413, body: { errcode: 'M_TOO_LARGE' } })
})

describe('requests that turn out not to be signed (F19)', () => {
  it('count against their address, and make us ask each named server once', async () => {
    const request = (name: string) => new HostileServer(name, 1).signedRequest('GET', `${US}/_matrix/federation/v1/read/x`)
    const limited = { ...env, MYELIN_RATE_LIMITS: 'on' }
    for (let n = 0; n < 20; n += 1) expect((await ask(request('nobody.example'), app, limited)).status).toBe(401)
    // Its well-known, two service records, its keys.
    expect(internet.asked.filter((url) => url.includes('nobody.example'))).toHaveLength(4)
    let refused = 0
    for (let n = 0; n < 2_500; n += 1) {
      const unsigned = new Request(`${US}/_matrix/federation/v1/read/x`)
      if ((await ask(unsigned, app, limited)).status === 429) refused += 1
    }
    expect(refused).toBeGreaterThan(300)
  })
})
