import { createClient, type MatrixClient, OAuth2 } from 'matrix-js-sdk'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { FormBrowser } from '../../support/form-browser.ts'
import { logger, registerWithSdk, startSdkClient } from '../../support/sdk-client.ts'
import { type ServerProcess, startServerProcess } from '../../support/server-process.ts'

const PASSWORD = 'correct horse battery staple'
const REDIRECT_URI = 'http://localhost:8080/callback'
const CLIENT = {
  client_name: 'A client of matrix-js-sdk',
  client_uri: 'http://localhost:8080/',
  redirect_uris: [REDIRECT_URI] as [string],
  application_type: 'web' as const,
}

/** matrix-js-sdk logs in as Element Web does; the browser is one that has no scripts. */
describe('matrix-js-sdk and OAuth 2.0, on a server on plain HTTP', () => {
  let server: ServerProcess
  let oauth: OAuth2

  beforeAll(async () => {
    server = await startServerProcess()
    await registerWithSdk(server.url, 'alice', PASSWORD)
    const metadata = await createClient({ baseUrl: server.url, logger }).getAuthMetadata()
    oauth = new OAuth2(metadata, { clientId: await OAuth2.registerClient(metadata, CLIENT, logger) }, logger)
  })

  afterAll(async () => {
    await server.stop()
  })

  const openBrowser = (): FormBrowser => new FormBrowser(server.url, (request) => fetch(request))

  /** What the client gets, once the user has gone through the pages of login or registration. */
  async function visit(flow: OAuth2, page: 'login' | 'register', username: string): Promise<URLSearchParams> {
    const prompt = page === 'register' ? 'create' : undefined
    const url = new URL(await flow.generateAuthorizationCodeGrantUrl('the state', REDIRECT_URI, 'fragment', prompt))
    expect(url.origin).toBe(`http://localhost:${new URL(server.url).port}`)
    const browser = openBrowser()
    const form = await browser.follow(await browser.get(`${url.pathname}${url.search}`))
    const consent = await browser.follow(await browser.submit(form, `/account/${page}`, { username, password: PASSWORD }))
    const answer = await browser.submit(consent, '/oauth2/authorize', { decision: 'allow' })
    expect(answer.location).toMatch(/^http:\/\/localhost:8080\/callback#/)
    return new URLSearchParams(new URL(answer.location ?? '').hash.slice(1))
  }

  function clientOf(flow: OAuth2, accessToken: string, refreshToken?: string): MatrixClient {
    const refreshing =
      refreshToken === undefined ? {} : { refreshToken, oauthClientId: flow.context.clientId, onTokenRefresh: () => undefined }
    return createClient({ baseUrl: server.url, accessToken, deviceId: flow.context.deviceId, logger, ...refreshing })
  }

  it('log in, sync, refresh and log out', async () => {
    const answer = await visit(oauth, 'login', 'alice')
    expect(answer.get('state')).toBe('the state')
    const tokens = await oauth.completeAuthorizationCodeGrant(answer.get('code') ?? '', REDIRECT_URI)
    const who = await clientOf(oauth, tokens.access_token, tokens.refresh_token).whoami()
    expect(who).toEqual({ user_id: '@alice:localhost:8448', device_id: oauth.context.deviceId, is_guest: false })
    const client = await startSdkClient(server.url, {
      userId: who.user_id,
      deviceId: oauth.context.deviceId,
      accessToken: tokens.access_token,
    })
    client.stopClient()
    const next = await oauth.performRefreshTokenGrant(tokens.refresh_token ?? '')
    const refreshed = clientOf(oauth, next.access_token, next.refresh_token)
    expect((await refreshed.whoami()).device_id).toBe(oauth.context.deviceId)
    await expect(clientOf(oauth, tokens.access_token).whoami()).rejects.toMatchObject({ errcode: 'M_UNKNOWN_TOKEN' })
    // The client notices that its token is over, refreshes by itself, and ends its session when it logs out.
    const late = clientOf(oauth, tokens.access_token, next.refresh_token)
    expect((await late.whoami()).device_id).toBe(oauth.context.deviceId)
    const last = late.getAccessToken() ?? ''
    expect(last).not.toBe(tokens.access_token)
    await late.logout()
    await expect(clientOf(oauth, last).whoami()).rejects.toMatchObject({ errcode: 'M_UNKNOWN_TOKEN' })
  })

  it('register an account', async () => {
    const flow = new OAuth2(oauth.metadata, { clientId: oauth.context.clientId }, logger)
    const answer = await visit(flow, 'register', 'bob')
    const tokens = await flow.completeAuthorizationCodeGrant(answer.get('code') ?? '', REDIRECT_URI)
    expect((await clientOf(flow, tokens.access_token, tokens.refresh_token).whoami()).user_id).toBe('@bob:localhost:8448')
  })

  it('log in without a browser of their own', async () => {
    const flow = new OAuth2(oauth.metadata, { clientId: oauth.context.clientId }, logger)
    const session = await flow.startDeviceAuthorizationGrant()
    const browser = openBrowser()
    const link = new URL(session.verification_uri_complete ?? '')
    const form = await browser.follow(await browser.get(`${link.pathname}${link.search}`))
    const consent = await browser.follow(await browser.submit(form, '/account/login', { username: 'alice', password: PASSWORD }))
    await browser.submit(consent, '/oauth2/link', { decision: 'allow' })
    const tokens = await flow.waitForDeviceAuthorizationGrant(session)
    if (!('access_token' in tokens)) throw new Error(tokens.error)
    const who = await clientOf(flow, tokens.access_token, tokens.refresh_token).whoami()
    expect(who).toMatchObject({ user_id: '@alice:localhost:8448', device_id: flow.context.deviceId })
  })
})
