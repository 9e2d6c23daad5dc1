import { env } from 'cloudflare:workers'
import { describe, expect, it } from 'vitest'
import { openRegistry } from '../../../src/storage/d1/open.ts'
import { createRegistrationToken } from '../../../src/storage/d1/registration-tokens.ts'
import { call, freshLocalpart, PASSWORD, registerAccount, tryLogin } from '../../support/api-client.ts'
import { formsOf } from '../../support/form-browser.ts'
import { aClient, authorizePath, logInAt, openBrowser } from '../../support/oauth.ts'

const LOGIN = '/account/login'

describe('every page (A9)', () => {
  it('runs no script, is framed by nobody, is kept by no cache and read by no other site', async () => {
    const { localpart } = await registerAccount()
    const browser = openBrowser()
    const path = authorizePath(await aClient())
    const consent = await logInAt(browser, await browser.get(path), localpart)
    const pages = [
      await openBrowser().get(LOGIN),
      await openBrowser().get('/account/register'),
      await openBrowser().get('/oauth2/authorize'),
      consent,
      await browser.get('/account'),
      await browser.get('/oauth2/link'),
      await browser.post(LOGIN, {}),
    ]
    for (const { headers, text } of pages) {
      const policy = headers.get('Content-Security-Policy') ?? ''
      expect(policy).toContain("default-src 'none'; style-src 'self'; form-action 'self'")
      expect(policy).toContain("frame-ancestors 'none'; base-uri 'none'")
      expect(headers.get('X-Frame-Options')).toBe('DENY')
      expect(headers.get('Referrer-Policy')).toBe('no-referrer')
      expect(headers.get('Cache-Control')).toBe('no-store')
      expect(headers.get('X-Content-Type-Options')).toBe('nosniff')
      expect(headers.has('Access-Control-Allow-Origin')).toBe(false)
      expect(text).not.toMatch(/<script|\son\w+=|\sstyle=|<style/i)
      expect(text).toContain('<html lang="en">')
    }
    expect(consent.headers.get('Content-Security-Policy')).toContain("form-action 'self' https://app.client.example;")
  })

  it('has labels for its fields', async () => {
    for (const path of [LOGIN, '/account/register']) {
      const { text } = await openBrowser().get(path)
      for (const [tag] of text.matchAll(/<input (?!type="hidden")[^>]*>/g)) {
        expect(text).toContain(`<label for="${/id="([^"]*)"/.exec(tag)?.[1]}">`)
      }
    }
  })

  it('has a stylesheet of this server', async () => {
    const { status, headers } = await openBrowser().get('/account/style.css')
    expect({ status, type: headers.get('Content-Type') }).toEqual({ status: 200, type: 'text/css; charset=utf-8' })
  })

  it('is not there while OAuth is off', async () => {
    const browser = openBrowser({ MYELIN_OAUTH: 'off' })
    for (const path of [LOGIN, '/account', '/oauth2/authorize']) expect((await browser.get(path)).status).toBe(404)
  })

  it('is limited by address (A16)', async () => {
    const browser = openBrowser({ MYELIN_RATE_LIMITS: 'on' })
    const page = await browser.get(LOGIN)
    const statuses = new Set<number>()
    // Clients whose address is not known share a larger allowance.
    for (let attempt = 0; attempt < 60; attempt += 1) {
      const fields = { ...formsOf(page.text)[0]?.fields, csrf: 'wrong' }
      statuses.add((await browser.post(LOGIN, fields, { 'CF-Connecting-IP': '192.0.2.99' })).status)
    }
    expect([...statuses].sort()).toEqual([403, 429])
  })
})

describe('cookies (A9)', () => {
  it('are for this host over TLS alone, not for scripts, and not sent along by other sites', async () => {
    const { localpart } = await registerAccount()
    const browser = openBrowser()
    const page = await browser.get(LOGIN)
    const loggedIn = await browser.submit(page, LOGIN, { username: localpart, password: PASSWORD })
    const set = [...page.headers.getSetCookie(), ...loggedIn.headers.getSetCookie()]
    expect(set).toHaveLength(3)
    for (const cookie of set) expect(cookie).toMatch(/^__Host-myelin-\w+=[\w-]+; Path=\/; HttpOnly; SameSite=Lax; Secure$/)
  })

  it('change with the login, so that nobody can have put them there', async () => {
    const { localpart } = await registerAccount()
    const browser = openBrowser()
    const page = await browser.get(LOGIN)
    const before = new Map(browser.cookies)
    await browser.submit(page, LOGIN, { username: localpart, password: PASSWORD })
    const first = new Map(browser.cookies)
    expect(first.get('__Host-myelin-browser')).not.toBe(before.get('__Host-myelin-browser'))
    await browser.submit(await browser.get(LOGIN), LOGIN, { username: localpart, password: PASSWORD })
    expect(browser.cookies.get('__Host-myelin-session')).not.toBe(first.get('__Host-myelin-session'))
    const old = openBrowser()
    for (const [name, value] of first) old.cookies.set(name, value)
    expect((await old.get('/account')).location).toContain(LOGIN)
  })

  it('that are invented are of nobody', async () => {
    for (const value of ['', 'x', `myb_${'a'.repeat(60)}`, (await registerAccount()).token]) {
      const browser = openBrowser()
      browser.cookies.set('__Host-myelin-session', value)
      expect((await browser.get('/account')).location).toContain(LOGIN)
    }
  })

  it('end with logout', async () => {
    const { localpart } = await registerAccount()
    const browser = openBrowser()
    const account = await logInAt(browser, await browser.get('/account'), localpart)
    const kept = new Map(browser.cookies)
    await browser.submit(account, '/account/logout', {})
    for (const [name, value] of kept) browser.cookies.set(name, value)
    expect((await browser.get('/account')).location).toContain(LOGIN)
  })
})

describe('a form (A9)', () => {
  it('counts only where it was shown: this browser, this session, this purpose, this site', async () => {
    const { localpart } = await registerAccount()
    const [mine, other] = [openBrowser(), openBrowser()]
    const fields = { ...formsOf((await mine.get(LOGIN)).text)[0]?.fields, username: localpart, password: PASSWORD }
    await other.get(LOGIN)
    expect((await other.post(LOGIN, fields)).status).toBe(403)
    expect((await openBrowser().post(LOGIN, fields)).status).toBe(403)
    expect((await mine.post(LOGIN, { ...fields, csrf: '' })).status).toBe(403)
    expect((await mine.post('/account/register', fields)).status).toBe(403)
    expect((await mine.post(LOGIN, fields, { 'Sec-Fetch-Site': 'cross-site' })).status).toBe(403)
    expect((await mine.post(LOGIN, fields, { 'Sec-Fetch-Site': 'same-origin' })).status).toBe(303)
    expect((await mine.post(LOGIN, fields)).status).toBe(403)
  })

  it('of one request does not let another client in', async () => {
    const { localpart } = await registerAccount()
    const browser = openBrowser()
    const consent = await logInAt(browser, await browser.get(authorizePath(await aClient())), localpart)
    const fields = formsOf(consent.text)[0]?.fields ?? {}
    const other = authorizePath(await aClient({ client_name: 'Evil' })).replace(/^[^?]*\?/, '')
    expect((await browser.post('/oauth2/authorize', { ...fields, request: other, decision: 'allow' })).status).toBe(403)
    expect((await browser.post('/oauth2/authorize', { ...fields, decision: 'allow' })).status).toBe(303)
  })
})

describe('the login page', () => {
  it('leads nowhere else', async () => {
    const { localpart } = await registerAccount()
    for (const next of ['https://evil.example/', '//evil.example/account', '/_matrix/client/versions']) {
      const browser = openBrowser()
      const page = await browser.get(`${LOGIN}?${new URLSearchParams({ continue: next })}`)
      const answer = await browser.submit(page, LOGIN, { username: localpart, password: PASSWORD, continue: next })
      expect(answer.location).toBe('/account')
    }
  })

  it('says the same of a wrong password and of a user who does not exist (O12)', async () => {
    const { localpart } = await registerAccount()
    const tries = [localpart, 'nobody-here', '@someone:elsewhere.example', ''].map(async (username) => {
      const browser = openBrowser()
      const answer = await browser.submit(await browser.get(LOGIN), LOGIN, { username, password: 'wrong' })
      expect(answer.text).toContain('Wrong user name or password.')
      return answer.status
    })
    expect(await Promise.all(tries)).toEqual([403, 403, 403, 403])
  })

  it('lets nobody in whose account is closed', async () => {
    const { localpart, token, userId } = await registerAccount()
    const auth = { type: 'm.login.password', identifier: { type: 'm.id.user', user: userId }, password: PASSWORD }
    await call('POST', '/account/deactivate', { token, body: { auth } })
    const browser = openBrowser()
    const answer = await browser.submit(await browser.get(LOGIN), LOGIN, { username: localpart, password: PASSWORD })
    expect(answer).toMatchObject({ status: 403, location: undefined })
  })
})

describe('the registration page (A19)', () => {
  it('creates an account by the rules of the API, and goes on to the client', async () => {
    const browser = openBrowser()
    const localpart = freshLocalpart('page')
    const page = await browser.follow(await browser.get(authorizePath(await aClient(), { prompt: 'create' })))
    expect(page.text).toContain('Create the account')
    const consent = await browser.follow(await browser.submit(page, '/account/register', { username: localpart, password: PASSWORD }))
    expect(consent.text).toContain(`@${localpart}:test.example`)
    expect((await tryLogin(localpart)).status).toBe(200)
  })

  it('is closed where registration is', async () => {
    const browser = openBrowser({ MYELIN_REGISTRATION: 'closed' })
    expect(await browser.get('/account/register')).toMatchObject({ status: 403 })
    expect((await browser.get(LOGIN)).text).not.toContain('/account/register')
    const open = openBrowser()
    const fields = {
      ...formsOf((await open.get('/account/register')).text)[0]?.fields,
      username: freshLocalpart('closed'),
      password: PASSWORD,
    }
    for (const [name, value] of open.cookies) browser.cookies.set(name, value)
    expect(await browser.post('/account/register', fields)).toMatchObject({ status: 403, location: undefined })
    expect((await tryLogin(fields.username)).status).toBe(403)
  })

  it('takes a registration token where one is needed, once', async () => {
    const registry = openRegistry(env, undefined)
    await createRegistrationToken(registry, { token: 'page-token', usesAllowed: 1, expiryTs: undefined })
    const register = async (token: string) => {
      const browser = openBrowser({ MYELIN_REGISTRATION: 'token' })
      const username = freshLocalpart('token')
      return await browser.submit(await browser.get('/account/register'), '/account/register', { username, password: PASSWORD, token })
    }
    expect((await register('wrong')).status).toBe(403)
    expect((await register('page-token')).status).toBe(303)
    expect((await register('page-token')).status).toBe(403)
  })

  it.each([
    ['a name that is taken', 'taken', PASSWORD, 400],
    ['an impossible name', 'Ü', PASSWORD, 400],
    ['a name for the server', '_x', PASSWORD, 400],
    ['no password', 'free', '', 400],
  ])('refuses %s', async (_what, name, password, status) => {
    const taken = (await registerAccount()).localpart
    const browser = openBrowser()
    const username = name === 'taken' ? taken : name
    const answer = await browser.submit(await browser.get('/account/register'), '/account/register', { username, password })
    expect(answer).toMatchObject({ status, location: undefined })
    expect(answer.text).toContain('role="alert"')
  })
})
