import { env } from 'cloudflare:workers'
import { describe, expect, it } from 'vitest'
import { openRegistry } from '../../../src/storage/d1/open.ts'
import { registerAccount, whoami } from '../../support/api-client.ts'
import type { FormBrowser, Visit } from '../../support/form-browser.ts'
import { aClient, freshDeviceId, logInAt, oauthPost, openBrowser, refreshOAuth } from '../../support/oauth.ts'

const GRANT_TYPE = 'urn:ietf:params:oauth:grant-type:device_code'

async function begin(clientId: string) {
  const scope = `urn:matrix:client:api:* urn:matrix:client:device:${freshDeviceId()}`
  const { status, body } = await oauthPost('/oauth2/device', { client_id: clientId, scope })
  expect(status).toBe(200)
  return body
}

function poll(clientId: string, deviceCode: string) {
  return oauthPost('/oauth2/token', { grant_type: GRANT_TYPE, device_code: deviceCode, client_id: clientId })
}

/** Lets the interval between polls pass. */
async function waited(): Promise<void> {
  await openRegistry(env, undefined).sql.prepare('UPDATE oauth_device_grants SET polled_ts = 0').run()
}

async function openLink(browser: FormBrowser, uri: string, localpart: string): Promise<Visit> {
  return await logInAt(browser, await browser.get(new URL(uri).pathname + new URL(uri).search), localpart)
}

describe('a device without a browser (A10)', () => {
  it('is let in by its user, who types its code elsewhere; the code works once', async () => {
    const { localpart, userId } = await registerAccount()
    const clientId = await aClient()
    const begun = await begin(clientId)
    expect(begun).toMatchObject({
      user_code: expect.stringMatching(/^[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}$/),
      verification_uri: 'https://test.example/oauth2/link',
      expires_in: 900,
      interval: 5,
    })
    expect((await poll(clientId, begun.device_code)).body.error).toBe('authorization_pending')
    const browser = openBrowser()
    const page = await openLink(browser, begun.verification_uri_complete, localpart)
    expect(page.text).toContain('Test client')
    expect(page.text).toContain('Asked for at')
    expect(page.text).toContain('Has somebody else given you this code?')
    await waited()
    expect((await poll(clientId, begun.device_code)).body.error).toBe('authorization_pending')
    expect((await browser.submit(page, '/oauth2/link', { decision: 'allow' })).text).toContain('Done.')
    await waited()
    const { status, body } = await poll(clientId, begun.device_code)
    expect(status).toBe(200)
    expect((await whoami(body.access_token)).body.user_id).toBe(userId)
    expect((await refreshOAuth(clientId, body.refresh_token)).status).toBe(200)
    await waited()
    expect((await poll(clientId, begun.device_code)).body.error).toBe('invalid_grant')
  })

  it('is told when its user does not let it in', async () => {
    const { localpart } = await registerAccount()
    const clientId = await aClient()
    const begun = await begin(clientId)
    const browser = openBrowser()
    await browser.submit(await openLink(browser, begun.verification_uri_complete, localpart), '/oauth2/link', { decision: 'deny' })
    expect((await poll(clientId, begun.device_code)).body.error).toBe('access_denied')
    await waited()
    expect((await poll(clientId, begun.device_code)).body.error).toBe('invalid_grant')
  })

  it('is told to slow down, and that it is too late', async () => {
    const clientId = await aClient()
    const begun = await begin(clientId)
    await poll(clientId, begun.device_code)
    // However slow the machine is, this is too soon.
    await openRegistry(env, undefined).sql.prepare('UPDATE oauth_device_grants SET polled_ts = polled_ts + 3600000').run()
    expect((await poll(clientId, begun.device_code)).body.error).toBe('slow_down')
    await openRegistry(env, undefined).sql.prepare('UPDATE oauth_device_grants SET expires_ts = 1, polled_ts = 0').run()
    expect((await poll(clientId, begun.device_code)).body.error).toBe('expired_token')
  })

  it('has a code of its own client and of nobody else', async () => {
    const clientId = await aClient()
    const begun = await begin(clientId)
    const other = await aClient({ client_name: 'Other' })
    expect((await poll(other, begun.device_code)).body.error).toBe('invalid_grant')
    expect((await poll(clientId, begun.user_code)).body.error).toBe('invalid_grant')
  })

  it('may write its code as people do, and only the right one', async () => {
    const { localpart } = await registerAccount()
    const begun = await begin(await aClient())
    const browser = openBrowser()
    await logInAt(browser, await browser.get('/account'), localpart)
    const code: string = begun.user_code.toLowerCase().replace('-', ' ')
    expect((await browser.get(`/oauth2/link?${new URLSearchParams({ code })}`)).status).toBe(200)
    for (const wrong of ['BBBB-BBBB', 'x', `${begun.user_code}X`, "' OR 1=1"]) {
      expect((await browser.get(`/oauth2/link?${new URLSearchParams({ code: wrong })}`)).status).toBe(404)
    }
  })

  it('guesses are limited by account', async () => {
    const { localpart } = await registerAccount()
    const browser = openBrowser({ MYELIN_RATE_LIMITS: 'on' })
    await logInAt(browser, await browser.get('/account'), localpart)
    const statuses = new Set<number>()
    for (let attempt = 0; attempt < 25; attempt += 1) statuses.add((await browser.get('/oauth2/link?code=BBBB-BBBB')).status)
    expect([...statuses]).toEqual([404, 429])
  })

  it('can be asked for by registered clients with a proper scope only', async () => {
    const scope = 'urn:matrix:client:api:* urn:matrix:client:device:ABCDEFGHIJ'
    const withoutGrant = await aClient({ grant_types: ['authorization_code', 'refresh_token'] })
    expect(await oauthPost('/oauth2/device', { client_id: 'A'.repeat(24), scope })).toMatchObject({
      status: 401,
      body: { error: 'invalid_client' },
    })
    expect(await oauthPost('/oauth2/device', { client_id: withoutGrant, scope })).toMatchObject({ body: { error: 'unauthorized_client' } })
    expect(await oauthPost('/oauth2/device', { client_id: await aClient() })).toMatchObject({ body: { error: 'invalid_scope' } })
  })
})
