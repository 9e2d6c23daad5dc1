/**
 * `scripts/rust-oauth.sh`: gives the Rust client a server over TLS, and is the browser that its user would go through the server's pages with.
 * Ends with 1 where something was not shown.
 */
import { spawn, spawnSync } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { FormBrowser } from '../test/support/form-browser.ts'
import { freePort } from '../test/support/free-port.ts'
import { startServerProcess } from '../test/support/server-process.ts'

const ACCOUNT = { username: 'alice', password: 'a long password' }

const [program] = process.argv.slice(2)
if (program === undefined) throw new Error('usage: rust-oauth.ts <program>')

const folder = await mkdtemp(join(tmpdir(), 'myelin-oauth-'))
const [key, certificate] = [join(folder, 'key.pem'), join(folder, 'certificate.pem')]
const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
const name = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost']
const made = spawnSync('openssl', ['req', '-x509', ...curve, '-keyout', key, '-out', certificate, '-days', '1', ...name])
if (made.status !== 0) throw new Error(`openssl: ${made.stderr.toString()}`)

const tlsPort = await freePort()
const url = `https://localhost:${tlsPort}`
const tls = { MYELIN_TLS_PORT: String(tlsPort), MYELIN_TLS_CERT: certificate, MYELIN_TLS_KEY: key, MYELIN_PUBLIC_URL: url }
const server = await startServerProcess({ env: tls })
await fetch(`${url}/_matrix/client/v3/register`, { method: 'POST', body: JSON.stringify({ ...ACCOUNT, auth: { type: 'm.login.dummy' } }) })
const browser = new FormBrowser(url, (request) => fetch(request))

/** What a user does with the page that the client sends them to; answers where that leads. */
async function visit(address: string): Promise<string> {
  const { pathname, search } = new URL(address)
  const login = await browser.follow(await browser.get(pathname + search))
  const consent = await browser.follow(await browser.submit(login, '/account/login', ACCOUNT))
  return (await browser.submit(consent, '/oauth2/authorize', { decision: 'allow' })).location ?? ''
}

/** The user has logged in a moment ago, so only has to agree. */
async function approve(address: string): Promise<string> {
  const { pathname, search } = new URL(address)
  return (await browser.submit(await browser.get(pathname + search), '/account/cross-signing-reset', {})).location ?? ''
}

let isDone = false
const client = spawn(program, [url], { stdio: ['pipe', 'pipe', 'inherit'] })
for await (const line of createInterface({ input: client.stdout })) {
  const said: { readonly check?: string; readonly visit?: string; readonly approve?: string; readonly done?: boolean } = JSON.parse(line)
  if (said.check !== undefined) console.log(`shown: ${said.check}`)
  if (said.visit !== undefined) client.stdin.write(`${await visit(said.visit)}\n`)
  if (said.approve !== undefined) client.stdin.write(`${await approve(said.approve)}\n`)
  isDone ||= said.done === true
}
await server.stop()
await rm(folder, { recursive: true, force: true })
process.exit(isDone ? 0 : 1)
