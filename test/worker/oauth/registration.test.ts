import { env } from 'cloudflare:workers'
import { describe, expect, it } from 'vitest'
import { findOAuthClient, upsertOAuthClient } from '../../../src/storage/d1/oauth-clients.ts'
import { openRegistry } from '../../../src/storage/d1/open.ts'
import { call } from '../../support/api-client.ts'
import { CLIENT, registerClient } from '../../support/oauth.ts'

const DAY_MS = 24 * 60 * 60 * 1000

describe('server metadata', () => {
  it('says where everything is, under its released and its earlier name', async () => {
    const paths = [
      '/_matrix/client/v1/auth_metadata',
      '/_matrix/client/unstable/org.matrix.msc2965/auth_metadata',
      '/.well-known/openid-configuration',
      '/.well-known/oauth-authorization-server',
    ]
    for (const path of paths) {
      const { status, body, headers } = await call('GET', path)
      expect(status).toBe(200)
      expect(headers.get('Access-Control-Allow-Origin')).toBe('*')
      expect(body).toMatchObject({
        issuer: 'https://test.example/',
        authorization_endpoint: 'https://test.example/oauth2/authorize',
        token_endpoint: 'https://test.example/oauth2/token',
        revocation_endpoint: 'https://test.example/oauth2/revoke',
        registration_endpoint: 'https://test.example/oauth2/registration',
        device_authorization_endpoint: 'https://test.example/oauth2/device',
        account_management_uri: 'https://test.example/account',
        response_types_supported: ['code'],
        response_modes_supported: ['query', 'fragment'],
        code_challenge_methods_supported: ['S256'],
      })
      expect(body.grant_types_supported).toEqual(expect.arrayContaining(['authorization_code', 'refresh_token']))
    }
  })

  it('does not invite to register where registration is closed (A19)', async () => {
    const prompts = async (registration: string) =>
      (await call('GET', '/_matrix/client/v1/auth_metadata', { variables: { MYELIN_REGISTRATION: registration } })).body
        .prompt_values_supported
    expect(await prompts('open')).toContain('create')
    expect(await prompts('closed')).not.toContain('create')
  })

  it('is not there while OAuth is off', async () => {
    const off = { variables: { MYELIN_OAUTH: 'off' } }
    for (const [method, path] of [
      ['GET', '/_matrix/client/v1/auth_metadata'],
      ['POST', '/oauth2/token'],
      ['POST', '/oauth2/revoke'],
    ] as const) {
      expect(await call(method, `/_matrix/..${path}`, off)).toMatchObject({ status: 404, body: { errcode: 'M_UNRECOGNIZED' } })
    }
  })
})

describe('the older way in', () => {
  it('is there beside OAuth, unless the operator says otherwise (A1)', async () => {
    const body = { type: 'm.login.password', identifier: { type: 'm.id.user', user: 'x' }, password: 'y' }
    expect((await call('GET', '/login')).body.flows).toEqual([{ type: 'm.login.password' }])
    const off = { variables: { MYELIN_PASSWORD_LOGIN: 'off' } }
    const refused = { status: 404, body: { errcode: 'M_UNRECOGNIZED' } }
    expect(await call('GET', '/login', off)).toMatchObject(refused)
    expect(await call('POST', '/login', { ...off, body })).toMatchObject(refused)
    expect(
      await call('POST', '/register', { ...off, body: { username: 'free', password: 'y', auth: { type: 'm.login.dummy' } } }),
    ).toMatchObject(refused)
    expect((await call('GET', '/_matrix/client/v1/auth_metadata', off)).status).toBe(200)
  })
})

describe('client registration (A6)', () => {
  it('answers what is registered; the same client again is the same client', async () => {
    const first = await registerClient()
    expect(first).toMatchObject({ status: 201, body: { ...CLIENT, client_id: expect.stringMatching(/^[A-Za-z0-9_-]{24}$/) } })
    const again = await registerClient({ 'client_name#fr': 'Client', software_id: 'x' })
    expect(again.body).toEqual(first.body)
    expect((await registerClient({ client_name: 'Another' })).body.client_id).not.toBe(first.body.client_id)
  })

  it.each([
    ['a redirect URI of somebody else', { redirect_uris: ['https://evil.example/'] }, 'invalid_redirect_uri'],
    ['a redirect URI that is a script', { redirect_uris: ['javascript:alert(1)'] }, 'invalid_redirect_uri'],
    ['redirect URIs that are no list', { redirect_uris: 'https://app.client.example/callback' }, 'invalid_client_metadata'],
    ['no client URI', { client_uri: null }, 'invalid_client_metadata'],
    ['a secret', { token_endpoint_auth_method: 'client_secret_post' }, 'invalid_client_metadata'],
  ])('refuses %s', async (_what, change, error) => {
    expect(await registerClient(change)).toMatchObject({ status: 400, body: { error, error_description: expect.any(String) } })
  })

  it('forgets clients that nobody has used, and keeps the others', async () => {
    const registry = openRegistry(env, undefined)
    const now = 1_900_000_000_000
    await upsertOAuthClient(registry, { clientId: 'unused', metadata: '{}' }, now)
    await upsertOAuthClient(registry, { clientId: 'used', metadata: '{}' }, now)
    await registry.sql.prepare("UPDATE oauth_clients SET used_ts = 1 WHERE client_id = 'used'").run()
    await upsertOAuthClient(registry, { clientId: 'later', metadata: '{}' }, now + 6 * DAY_MS)
    expect(await findOAuthClient(registry, 'unused')).toBeDefined()
    await upsertOAuthClient(registry, { clientId: 'later', metadata: '{}' }, now + 8 * DAY_MS)
    expect(await findOAuthClient(registry, 'unused')).toBeUndefined()
    expect(await findOAuthClient(registry, 'used')).toBeDefined()
    expect(await findOAuthClient(registry, 'later')).toBeDefined()
  })

  it('is limited by address (A16)', async () => {
    const variables = { MYELIN_RATE_LIMITS: 'on' }
    const statuses = new Set<number>()
    // Clients whose address is not known share a larger allowance.
    const headers = { 'CF-Connecting-IP': '192.0.2.77' }
    for (let attempt = 0; attempt < 60; attempt += 1) {
      statuses.add((await call('POST', '/_matrix/../oauth2/registration', { body: CLIENT, headers, variables })).status)
    }
    expect([...statuses].sort()).toEqual([201, 429])
  })
})
