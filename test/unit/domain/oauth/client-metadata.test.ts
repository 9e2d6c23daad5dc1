import { describe, expect, it } from 'vitest'
import { type ClientClaims, checkClient } from '../../../../src/domain/oauth/client-metadata.ts'

const CLAIMS: ClientClaims = {
  client_name: 'Element',
  client_uri: 'https://element.io',
  logo_uri: 'https://element.io/logo.png',
  tos_uri: 'https://element.io/terms',
  policy_uri: 'https://element.io/privacy',
  redirect_uris: ['io.element.android:/'],
  response_types: ['code'],
  grant_types: ['authorization_code', 'refresh_token', 'urn:example:other'],
  token_endpoint_auth_method: 'none',
  application_type: 'native',
}
const check = (change: Partial<ClientClaims> = {}) => checkClient({ ...CLAIMS, ...change }, false)

describe('what a client says of itself (A6)', () => {
  it('is registered without what is not known here', () => {
    expect(check()).toEqual({
      ok: true,
      metadata: { ...CLAIMS, client_uri: 'https://element.io/', grant_types: ['authorization_code', 'refresh_token'] },
    })
  })

  it('may leave out what has a default', () => {
    const verdict = checkClient({ client_uri: 'https://app.example.com', redirect_uris: ['https://app.example.com/cb'] }, false)
    expect(verdict).toEqual({
      ok: true,
      metadata: {
        client_uri: 'https://app.example.com/',
        redirect_uris: ['https://app.example.com/cb'],
        response_types: ['code'],
        grant_types: ['authorization_code', 'refresh_token'],
        token_endpoint_auth_method: 'none',
        application_type: 'web',
      },
    })
  })

  it('needs no redirect URI where there is only the device grant', () => {
    const verdict = check({ redirect_uris: undefined, response_types: [], grant_types: ['urn:ietf:params:oauth:grant-type:device_code'] })
    expect(verdict).toMatchObject({ ok: true, metadata: { redirect_uris: [], response_types: [] } })
  })

  it.each<[string, Partial<ClientClaims>]>([
    ['no client URI', { client_uri: undefined }],
    ['a client URI on plain HTTP', { client_uri: 'http://element.io/' }],
    ['a client URI with a password', { client_uri: 'https://a:b@element.io/' }],
    ['a client URI that owns a whole domain', { client_uri: 'https://io/' }],
    ['a client URI that is an address', { client_uri: 'https://127.0.0.1/' }],
    ['a logo on plain HTTP', { logo_uri: 'http://element.io/logo.png' }],
    ['a logo of somebody else', { logo_uri: 'https://evil.example/logo.png' }],
    ['a policy that is a script', { policy_uri: 'javascript:alert(1)' }],
    ['terms that are data', { tos_uri: 'data:text/html,x' }],
    ['an empty name', { client_name: '' }],
    ['a name with a line break', { client_name: 'a\nb' }],
    ['a name that is written backwards', { client_name: 'a\u202eb' }],
    ['a name that is too long', { client_name: 'x'.repeat(201) }],
    ['a secret', { token_endpoint_auth_method: 'client_secret_basic' }],
    ['an unknown kind of application', { application_type: 'desktop' }],
    ['no grant that is known', { grant_types: ['implicit'] }],
    ['no response type that is known', { response_types: ['token'] }],
  ])('is refused with %s', (_what, change) => {
    expect(check(change)).toMatchObject({ ok: false, problem: { error: 'invalid_client_metadata' } })
  })

  it.each<[string, Partial<ClientClaims>]>([
    ['no redirect URI', { redirect_uris: [] }],
    ['a redirect URI of somebody else', { redirect_uris: ['io.element.android:/', 'com.example:/'] }],
    ['too many redirect URIs', { redirect_uris: Array.from({ length: 17 }, (_, index) => `io.element.android:/${index}`) }],
  ])('is refused with %s', (_what, change) => {
    expect(check(change)).toMatchObject({ ok: false, problem: { error: 'invalid_redirect_uri' } })
  })
})
