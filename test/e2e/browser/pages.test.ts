import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ChromiumTab } from '../../support/chromium.ts'
import { registerWithSdk } from '../../support/sdk-client.ts'
import { type ServerProcess, startServerProcess } from '../../support/server-process.ts'

/** A Chromium to go through the pages with, e.g. `/usr/bin/chromium`. */
const { MYELIN_CHROMIUM } = process.env
const PASSWORD = 'correct horse battery staple'

describe.skipIf(MYELIN_CHROMIUM === undefined)('a browser on the pages of the server', () => {
  let server: ServerProcess
  let tab: ChromiumTab
  let application: Server
  let origin: string
  const callbacks: string[] = []

  beforeAll(async () => {
    server = await startServerProcess()
    // As the public address is: cookies are of a host.
    origin = `http://localhost:${new URL(server.url).port}`
    await registerWithSdk(server.url, 'alice', PASSWORD)
    application = createServer((request, response) => {
      callbacks.push(request.url ?? '')
      response.setHeader('Content-Type', 'text/html').end('<title>The application</title>')
    })
    await new Promise<void>((resolve) => application.listen(0, '127.0.0.1', resolve))
    tab = await ChromiumTab.start(MYELIN_CHROMIUM ?? '')
  })

  afterAll(async () => {
    await tab?.close()
    application?.close()
    await server?.stop()
  })

  const submit = (password: string) =>
    tab.evaluate(`document.querySelector('#password').value = ${JSON.stringify(password)}; document.forms[0].requestSubmit()`)

  it('leads from login through consent to the application, loads nothing from elsewhere, and violates no policy (A9)', async () => {
    const client = {
      client_name: 'An application',
      client_uri: 'https://application.example/',
      logo_uri: 'https://application.example/logo.png',
      application_type: 'native',
      redirect_uris: ['http://127.0.0.1/callback'],
    }
    const registered = await fetch(`${origin}/oauth2/registration`, { method: 'POST', body: JSON.stringify(client) })
    const { client_id: clientId } = (await registered.json()) as { client_id: string }
    const redirectUri = `http://127.0.0.1:${(application.address() as AddressInfo).port}/callback`
    const query = new URLSearchParams({
      response_type: 'code',
      client_id: clientId,
      redirect_uri: redirectUri,
      scope: 'urn:matrix:client:api:* urn:matrix:client:device:BROWSER001',
      code_challenge: 'A'.repeat(43),
      code_challenge_method: 'S256',
      login_hint: 'mxid:@alice:localhost:8448',
    })
    await tab.open(`${origin}/oauth2/authorize?${query}`)
    await tab.until(`document.title.startsWith('Log in')`)
    await submit('wrong')
    await tab.until(`document.querySelector('[role=alert]')?.innerText === 'Wrong user name or password.'`)
    await submit(PASSWORD)
    await tab.until(`document.title.startsWith('Let An application use your account?')`)
    expect(await tab.evaluate(`getComputedStyle(document.querySelector('main')).maxWidth`)).not.toBe('none')
    await tab.evaluate(`document.querySelector('button[value=allow]').click()`)
    await tab.until(`document.title === 'The application'`)
    expect(callbacks[0]).toMatch(/^\/callback\?code=myc_/)
    await tab.open(`${origin}/account`)
    await tab.until(`document.title.startsWith('Your account')`)
    expect(await tab.evaluate('document.body.innerText')).toContain('@alice:localhost:8448')
    expect(tab.requested.filter((url) => !url.startsWith(origin) && !url.startsWith(redirectUri.replace(/callback$/, '')))).toEqual([])
    expect(tab.complaints).toEqual([])
  })
})
