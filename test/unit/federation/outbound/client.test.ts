import { describe, expect, it } from 'vitest'
import { FederationClient, jsonBody } from '../../../../src/federation/outbound/client.ts'
import { Discovery } from '../../../../src/federation/outbound/discovery/discovery.ts'
import { clientError, OutboundError, RemoteRefusal } from '../../../../src/federation/outbound/outbound-error.ts'
import { canonicalJson } from '../../../../src/matrix/canonical-json.ts'
import { createSigner, publicKeyOfSeed } from '../../../../src/matrix/signing.ts'
import { parseXMatrix, verifyRequest } from '../../../../src/matrix/x-matrix.ts'
import { HostileInternet } from '../../../support/hostile-internet.ts'
import { flood, HostileServer } from '../../../support/hostile-server.ts'

const SEED = new Uint8Array(32).fill(9)

function world() {
  const internet = new HostileInternet()
  const peer = new HostileServer('peer.example', 1)
  internet.server(peer)
  const guard = { network: internet.network, policy: { allowPrivateNetwork: false } }
  const discovery = new Discovery(
    guard,
    internet.resolver,
    () => 0,
    () => 0,
  )
  const client = new FederationClient(guard, discovery, createSigner('us.example', 'ed25519:k', SEED))
  return { internet, peer, client }
}

describe('a request to another server', () => {
  it('is signed so that the server can verify exactly what it received', async () => {
    const { client, peer } = world()
    peer.on('PUT', /send/, () => Response.json({ pdus: {} }))
    const canonicalBody = jsonBody({ z: [1, { b: 'ä', a: null }] })
    const path = `/_matrix/federation/v1/send/${encodeURIComponent('a/ü ?%')}?x=%2F&y=a+b`
    expect(await client.json('peer.example', { method: 'PUT', path, canonicalBody })).toEqual({ pdus: {} })
    const request = peer.requests[0]
    if (request === undefined) throw new Error('nothing was asked')
    const header = parseXMatrix(request.headers.get('authorization') ?? '')
    expect(header).toMatchObject({ origin: 'us.example', destination: 'peer.example', keyId: 'ed25519:k' })
    expect(request.uri).toBe(path)
    const signed = { method: 'PUT', uri: request.uri, canonicalContent: canonicalJson(JSON.parse(request.text)) }
    expect(header && verifyRequest(header, signed, 'peer.example', publicKeyOfSeed(SEED))).toBe(true)
  })

  it('without a signature says nothing about who asks', async () => {
    const { client, peer } = world()
    await client.json('peer.example', { method: 'GET', path: '/_matrix/key/v2/server', signed: false })
    expect(peer.requests[0]?.headers.has('authorization')).toBe(false)
  })

  it('goes to the next service record only if nobody listens at the one before', async () => {
    const { client, peer, internet } = world()
    const records = [4441, 4442, 4443].map((port) => ({ priority: port, weight: 0, port, target: `srv${port}.example` }))
    internet.service('_matrix-fed._tcp.far.example', ...records)
    internet
      .host('srv4442.example:4442', () => Response.json({ errcode: 'M_UNKNOWN' }, { status: 500 }))
      .server(peer, 'srv4443.example:4443')
    const asked = client.json('far.example', { method: 'GET', path: '/_matrix/federation/v1/version' })
    await expect(asked).rejects.toMatchObject({ failure: 'refused', status: 500, errcode: 'M_UNKNOWN' })
    expect(internet.connected).toEqual([
      { hostname: 'srv4441.example', port: 4441, tlsName: 'far.example' },
      { hostname: 'srv4442.example', port: 4442, tlsName: 'far.example' },
    ])
  })

  it('is not sent to ourselves', async () => {
    const { client, internet } = world()
    await expect(client.json('us.example', { method: 'GET', path: '/_matrix/x' })).rejects.toMatchObject({ failure: 'blocked' })
    expect(internet.asked).toEqual([])
  })

  it.each([
    ['text', () => new Response('hello'), 'invalid'],
    ['a list', () => Response.json([]), 'invalid'],
    ['a key twice', () => new Response('{"a":1,"a":2}'), 'invalid'],
    ['no end', () => flood(), 'too_large'],
    ['a redirect', () => new Response(null, { status: 302, headers: { location: 'https://elsewhere.example/' } }), 'refused'],
    ['an endless refusal', () => flood(403), 'refused'],
  ] as const)('that is answered with %s has failed', async (_, answer, failure) => {
    const { client, peer, internet } = world()
    peer.on('GET', /x/, answer)
    await expect(client.json('peer.example', { method: 'GET', path: '/_matrix/x', maxBytes: 100_000 })).rejects.toMatchObject({ failure })
    expect(internet.asked.some((url) => url.includes('elsewhere'))).toBe(false)
  })

  it('takes JSON under any content type', async () => {
    const { client, peer } = world()
    peer.on('GET', /x/, () => new Response('{"a":1}', { headers: { 'content-type': 'text/html' } }))
    expect(await client.json('peer.example', { method: 'GET', path: '/_matrix/x' })).toEqual({ a: 1 })
  })
})

describe('what a client of ours hears of a failure (F20)', () => {
  it.each(['M_UNKNOWN_TOKEN', 'M_MISSING_TOKEN', 'M_USER_DEACTIVATED', 'M_USER_LOCKED', 'M_FORBIDDEN', undefined])(
    'never that its session has ended: 401 %s',
    (errcode) => {
      expect(clientError(new RemoteRefusal(401, errcode, 'x'), 'The server').toShape()).toMatchObject({ status: 502, errcode: 'M_UNKNOWN' })
    },
  )

  it.each([
    [new RemoteRefusal(403, 'M_UNKNOWN_TOKEN', 'x'), 403, 'M_FORBIDDEN'],
    [new RemoteRefusal(403, 'M_USER_LOCKED', 'x'), 403, 'M_FORBIDDEN'],
    [new RemoteRefusal(403, 'M_INVITE_BLOCKED', 'x'), 403, 'M_INVITE_BLOCKED'],
    [new RemoteRefusal(400, 'M_INVITE_BLOCKED', 'x'), 502, 'M_UNKNOWN'],
    [new RemoteRefusal(404, 'M_UNKNOWN_TOKEN', 'x'), 404, 'M_NOT_FOUND'],
    [new RemoteRefusal(404, 'M_UNRECOGNIZED', 'x'), 502, 'M_UNKNOWN'],
    [new RemoteRefusal(429, 'M_LIMIT_EXCEEDED', 'x'), 429, 'M_LIMIT_EXCEEDED'],
    [new RemoteRefusal(400, 'M_INCOMPATIBLE_ROOM_VERSION', 'x'), 400, 'M_INCOMPATIBLE_ROOM_VERSION'],
    [new RemoteRefusal(500, 'M_FORBIDDEN', 'x'), 502, 'M_UNKNOWN'],
    [new OutboundError('timeout', 'x'), 504, 'M_UNKNOWN'],
    [new OutboundError('blocked', 'x'), 502, 'M_UNKNOWN'],
  ] as const)('%o → %i %s', (cause, status, errcode) => {
    expect(clientError(cause, 'The server').toShape()).toMatchObject({ status, errcode })
  })

  it('does not hide a defect of ours', () => {
    expect(() => clientError(new TypeError('bug'), 'x')).toThrow('bug')
  })
})
