import { beforeAll, describe, expect, it } from 'vitest'
import { registerAccount, whoami } from '../../support/api-client.ts'
import { formsOf } from '../../support/form-browser.ts'
import {
  aClient,
  authorize,
  authorizePath,
  exchange,
  logInAt,
  oauthLogin,
  openBrowser,
  REDIRECT_URI,
  registerClient,
  VERIFIER,
} from '../../support/oauth.ts'

const ELSEWHERE = 'https://app.client.example/other'

describe('an authorization request (A7)', () => {
  let localpart: string
  beforeAll(async () => {
    localpart = (await registerAccount()).localpart
  })

  it.each([
    ['an unknown client', { client_id: 'A'.repeat(24) }],
    ['no client', { client_id: undefined }],
    ['a redirect URI that is not registered', { redirect_uri: ELSEWHERE }],
    ['a redirect URI with something appended', { redirect_uri: `${REDIRECT_URI}/../evil` }],
    ['no redirect URI', { redirect_uri: undefined }],
  ])('with %s is answered with a page, and sends nobody anywhere', async (_what, change) => {
    const visit = await openBrowser().get(authorizePath(await aClient(), change))
    expect(visit).toMatchObject({ status: 400, location: undefined })
    expect(visit.text).toContain('That did not work')
  })

  it('that says something twice is not guessed at', async () => {
    const visit = await openBrowser().get(`${authorizePath(await aClient())}&scope=other`)
    expect(visit).toMatchObject({ status: 400, location: undefined })
  })

  it.each([
    ['another response type', { response_type: 'token' }, 'unsupported_response_type'],
    ['an unknown response mode', { response_mode: 'form_post' }, 'invalid_request'],
    ['no challenge (A5)', { code_challenge: undefined }, 'invalid_request'],
    ['a plain challenge (A5)', { code_challenge_method: 'plain', code_challenge: VERIFIER }, 'invalid_request'],
    ['no method, which would mean a plain one (A5)', { code_challenge_method: undefined }, 'invalid_request'],
    ['a challenge that is too short (A5)', { code_challenge: 'short' }, 'invalid_request'],
    ['no device (A8)', { scope: 'urn:matrix:client:api:*' }, 'invalid_scope'],
    ['a request object', { request: 'x' }, 'request_not_supported'],
    ['no wish that anybody be asked', { prompt: 'none' }, 'consent_required'],
  ])(
    'with %s is refused at the registered address, with state and issuer; a mere link sends nobody there',
    async (_what, change, error) => {
      const path = authorizePath(await aClient(), change)
      const stranger = await openBrowser().get(path)
      expect(stranger).toMatchObject({ status: 400, location: undefined })
      expect(stranger.text).toContain('Back to the application: app.client.example')
      const browser = openBrowser()
      await logInAt(browser, await browser.get('/account'), localpart)
      const visit = await browser.get(path)
      expect(visit.status).toBe(303)
      const location = new URL(visit.location ?? '')
      expect(`${location.origin}${location.pathname}`).toBe(REDIRECT_URI)
      expect(Object.fromEntries(location.searchParams)).toMatchObject({ error, state: 'the state', iss: 'https://test.example/' })
    },
  )

  it('leads through login and consent to a code, in the query or in the fragment', async () => {
    const { localpart, userId } = await registerAccount()
    for (const mode of ['query', 'fragment', undefined]) {
      const clientId = await aClient()
      const browser = openBrowser()
      const consent = await logInAt(browser, await browser.get(authorizePath(clientId, { response_mode: mode })), localpart)
      expect(consent.text).toContain(userId)
      expect(consent.text).toContain('Test client')
      expect(consent.text).toContain('app.client.example')
      const answer = await browser.submit(consent, '/oauth2/authorize', { decision: 'allow' })
      const location = new URL(answer.location ?? '')
      const params = mode === 'fragment' ? new URLSearchParams(location.hash.slice(1)) : location.searchParams
      expect(Object.fromEntries(params)).toEqual({ code: expect.stringMatching(/^myc_/), state: 'the state', iss: 'https://test.example/' })
      expect(mode === 'fragment' ? location.search : location.hash).toBe('')
    }
  })

  it('of a native client may come back to any port on the loopback interface', async () => {
    const { localpart } = await registerAccount()
    const clientId = await aClient({ application_type: 'native', redirect_uris: ['http://127.0.0.1/callback'] })
    const redirectUri = 'http://127.0.0.1:40123/callback'
    const code = (await authorize(openBrowser(), authorizePath(clientId, { redirect_uri: redirectUri }), localpart)).get('code') ?? ''
    expect((await exchange(clientId, code)).status).toBe(400)
    expect((await exchange(clientId, code, { redirect_uri: redirectUri })).status).toBe(200)
  })

  it('is refused by the user without a trace', async () => {
    const { localpart, token } = await registerAccount()
    const browser = openBrowser()
    const consent = await logInAt(browser, await browser.get(authorizePath(await aClient())), localpart)
    const answer = await browser.submit(consent, '/oauth2/authorize', { decision: 'deny' })
    expect(new URL(answer.location ?? '').searchParams.get('error')).toBe('access_denied')
    expect((await whoami(token)).status).toBe(200)
  })

  it('asks for the password again where the client wishes so, and fills in whom it means', async () => {
    const { localpart, userId } = await registerAccount()
    const browser = openBrowser()
    const clientId = await aClient()
    await authorize(browser, authorizePath(clientId), localpart)
    const page = await browser.follow(await browser.get(authorizePath(clientId, { prompt: 'login', login_hint: `mxid:${userId}` })))
    expect(page.text).toContain('Log in')
    expect(formsOf(page.text)[0]?.fields).toMatchObject({ username: userId })
  })

  it('says that a session of the user would be replaced, and touches no session of somebody else (A8)', async () => {
    const [alice, bob] = [await registerAccount(), await registerAccount()]
    const first = await oauthLogin(alice.localpart, 'SHAREDDEVICE')
    const scope = 'urn:matrix:client:api:* urn:matrix:client:device:SHAREDDEVICE'
    const path = authorizePath(await aClient(), { scope })
    const [aliceAgain, bobs] = [openBrowser(), openBrowser()]
    const warned = await logInAt(aliceAgain, await aliceAgain.get(path), alice.localpart)
    const unwarned = await logInAt(bobs, await bobs.get(path), bob.localpart)
    expect(warned.text).toContain('takes its place')
    expect(unwarned.text).not.toContain('takes its place')
    await oauthLogin(bob.localpart, 'SHAREDDEVICE')
    expect((await whoami(first.token)).status).toBe(200)
    await oauthLogin(alice.localpart, 'SHAREDDEVICE')
    expect((await whoami(first.token)).status).toBe(401)
  })
})

describe('what a client says of itself on pages (A6)', () => {
  it('is text and nothing else', async () => {
    const { localpart } = await registerAccount()
    const name = '<script>alert(1)</script>"\'&'
    const { body } = await registerClient({ client_name: name })
    const browser = openBrowser()
    const consent = await logInAt(browser, await browser.get(authorizePath(body.client_id, { state: '"><script>' })), localpart)
    expect(consent.text).not.toContain('<script>')
    expect(consent.text).toContain('&lt;script&gt;alert(1)&lt;/script&gt;')
  })
})
