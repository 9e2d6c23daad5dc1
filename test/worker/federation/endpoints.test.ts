import { env } from 'cloudflare:workers'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import packageJson from '../../../package.json' with { type: 'json' }
import { decodeBase64, encodeBase64 } from '../../../src/matrix/base64.ts'
import type { JsonObject } from '../../../src/matrix/json.ts'
import { createSigner, publicKeyOfSeed, verifyJsonSignature } from '../../../src/matrix/signing.ts'
import { call, passwordAuth, registerAccount } from '../../support/api-client.ts'
import { HostileInternet } from '../../support/hostile-internet.ts'
import { HostileServer } from '../../support/hostile-server.ts'

const OUR_KEY = publicKeyOfSeed(new Uint8Array(32).fill(9))
const ours = (document: JsonObject) => verifyJsonSignature(document, 'test.example', 'ed25519:a_test', OUR_KEY)
let names = 0
let internet: HostileInternet
let peer: HostileServer

beforeEach(() => {
  names += 1
  internet = new HostileInternet().install()
  peer = new HostileServer(`notarized${names}.example`, 1)
  internet.server(peer)
})
afterEach(() => {
  vi.restoreAllMocks()
})

it('says which server this is', async () => {
  expect((await call('GET', '/_matrix/federation/v1/version')).body).toEqual({ server: { name: 'Myelin', version: packageJson.version } })
})

describe('our own keys (server-server-api#publishing-keys)', () => {
  it.each(['/_matrix/key/v2/server', '/_matrix/key/v2/server/', '/_matrix/key/v2/server/ed25519:a_test'])(
    'are at %s, signed',
    async (path) => {
      const { status, body } = await call('GET', path)
      expect(status).toBe(200)
      expect(body).toMatchObject({
        server_name: 'test.example',
        verify_keys: { 'ed25519:a_test': { key: encodeBase64(OUR_KEY) } },
        old_verify_keys: {},
      })
      expect(body.valid_until_ts).toBeGreaterThan(Date.now())
      expect(ours(body)).toBe(true)
    },
  )

  it('name earlier ones, so that old events can still be checked', async () => {
    const old = encodeBase64(peer.publicKey)
    const { body } = await call('GET', '/_matrix/key/v2/server', {
      variables: { MYELIN_OLD_SIGNING_KEYS: `ed25519:a_old ${old} 1600000000000` },
    })
    expect(body.old_verify_keys).toEqual({ 'ed25519:a_old': { key: old, expired_ts: 1_600_000_000_000 } })
    expect(ours(body)).toBe(true)
  })
})

describe('as a notary (F8)', () => {
  const query = (server_keys: unknown) => call('POST', '/_matrix/key/v2/query', { body: { server_keys } })

  it('this server hands on what a server has signed, with its own signature added and nothing else changed', async () => {
    const { body } = await call('GET', `/_matrix/key/v2/query/${peer.serverName}`)
    expect(body.server_keys).toHaveLength(1)
    const [document] = body.server_keys
    expect(ours(document)).toBe(true)
    expect(verifyJsonSignature(document, peer.serverName, peer.signer.keyId, peer.publicKey)).toBe(true)
    const { signatures: _, ...rest } = document
    const { signatures: __, valid_until_ts: ___, ...told } = peer.keyDocument()
    expect(rest).toMatchObject(told)
    expect((await query({ [peer.serverName]: {} })).body.server_keys).toEqual(body.server_keys)
    expect(peer.asked(/key/)).toBe(1)
  })

  it('it answers from what it knows while the server is away', async () => {
    await query({ [peer.serverName]: {} })
    internet.remove(`${peer.serverName}:8448`)
    const { body } = await query({ [peer.serverName]: { 'ed25519:a_hostile': { minimum_valid_until_ts: Date.now() + 40 * 86_400_000 } } })
    expect(body.server_keys).toHaveLength(1)
  })

  it('it speaks for itself', async () => {
    const { body } = await query({ 'test.example': {}, [peer.serverName]: { 'ed25519:x': {} } })
    expect(body.server_keys.map((document: JsonObject) => document.server_name)).toEqual(['test.example', peer.serverName])
  })

  it('it says nothing of servers that lie, are away or cannot be', async () => {
    const liar = new HostileServer(`liar${names}.example`, 2)
    const signer = createSigner(liar.serverName, 'ed25519:a_hostile', new Uint8Array(32).fill(3))
    liar.on('GET', /key/, () => Response.json(liar.keyDocument({ signer })))
    internet.server(liar)
    const { status, body } = await query({
      [liar.serverName]: {},
      'away.example': {},
      'no server name': {},
      __proto__: {},
      '127.0.0.1': {},
      'localhost:8448': 5,
    })
    expect([status, body.server_keys]).toEqual([200, []])
    expect(internet.asked.filter((url) => /127\.0|localhost/.test(url))).toEqual([])
  })

  it('it bounds how many servers one query names and makes it ask', async () => {
    const named = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, n) => [`n${n}-${names}.example`, {}]))
    expect((await query(named(101))).status).toBe(400)
    expect((await query(named(100))).status).toBe(200)
    expect(internet.asked.filter((url) => url.includes(':8448/_matrix/key'))).toHaveLength(20)
  })

  it('it refuses what is no query', async () => {
    for (const body of [{}, { server_keys: [] }, { server_keys: 'x' }])
      expect((await call('POST', '/_matrix/key/v2/query', { body })).status).toBe(400)
    expect((await call('GET', '/_matrix/key/v2/query/no%20server')).status).toBe(400)
    expect((await call('GET', `/_matrix/key/v2/query/${peer.serverName}?minimum_valid_until_ts=x`)).status).toBe(400)
  })
})

describe('OpenID', () => {
  const userInfo = (token: string) => call('GET', `/_matrix/federation/v1/openid/userinfo?access_token=${encodeURIComponent(token)}`)

  it('tells a third party whom a token speaks for, and is no access token', async () => {
    const alice = await registerAccount()
    const { status, body } = await call('POST', `/user/${alice.userId}/openid/request_token`, { token: alice.token, body: {} })
    expect([status, body]).toEqual([
      200,
      { access_token: expect.any(String), token_type: 'Bearer', matrix_server_name: 'test.example', expires_in: 3600 },
    ])
    expect(await userInfo(body.access_token)).toMatchObject({ status: 200, body: { sub: alice.userId } })
    expect((await call('GET', '/account/whoami', { token: body.access_token })).status).toBe(401)
    expect((await userInfo(alice.token)).status).toBe(401)
  })

  it('is refused for somebody else and without a valid token', async () => {
    const alice = await registerAccount()
    const bob = await registerAccount()
    const path = (userId: string) => `/user/${userId}/openid/request_token`
    expect((await call('POST', path(bob.userId), { token: alice.token, body: {} })).status).toBe(403)
    await call('POST', '/logout', { token: alice.token })
    expect((await call('POST', path(alice.userId), { token: alice.token, body: {} })).status).toBe(401)
  })

  it('ends after an hour, and with the account', async () => {
    const alice = await registerAccount()
    const ask = () => call('POST', `/user/${alice.userId}/openid/request_token`, { token: alice.token, body: {} })
    const token: string = (await ask()).body.access_token
    const now = Date.now()
    vi.spyOn(Date, 'now').mockReturnValue(now + 3_600_001)
    expect(await userInfo(token)).toMatchObject({ status: 401, body: { errcode: 'M_UNKNOWN_TOKEN' } })
    vi.mocked(Date.now).mockRestore()
    expect((await userInfo(token)).status).toBe(200)
    await call('POST', '/account/deactivate', { token: alice.token, body: { auth: passwordAuth(alice) } })
    expect((await userInfo(token)).status).toBe(401)
  })

  it('believes no token that this server has not made', async () => {
    const alice = await registerAccount()
    const { body } = await call('POST', `/user/${alice.userId}/openid/request_token`, { token: alice.token, body: {} })
    const token: string = body.access_token
    const [head, expires, mac] = token.split('.')
    const other = `myo_${Buffer.from('admin').toString('base64url')}`
    for (const forged of [
      '',
      'x',
      `${head}.${Number(expires) + 1}.${mac}`,
      `${other}.${expires}.${mac}`,
      token.slice(0, -1),
      `${token}A`,
    ]) {
      expect((await userInfo(forged)).status).toBe(401)
    }
    expect((await call('GET', '/_matrix/federation/v1/openid/userinfo')).status).toBe(400)
    expect(decodeBase64(mac ?? '')).toHaveLength(20)
    expect(env.MYELIN_SERVER_NAME).toBe('test.example')
  })
})
