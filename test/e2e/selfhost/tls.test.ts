import { execFileSync } from 'node:child_process'
import { copyFile, mkdtemp } from 'node:fs/promises'
import type { IncomingHttpHeaders } from 'node:http'
import { request } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TLSSocket } from 'node:tls'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type ServerProcess, startServerProcess } from '../../support/server-process.ts'

interface Answer {
  readonly status: number | undefined
  readonly headers: IncomingHttpHeaders
  readonly body: { readonly method: string; readonly body: string; readonly headers: Record<string, string>; readonly control: string }
  readonly fingerprint: string
}

const bundle = join(import.meta.dirname, '../../support/fixture-worker.js')
let folder: string
let server: ServerProcess

function makeCertificate(name: string): void {
  const subject = ['-subj', `/CN=${name}`, '-addext', 'subjectAltName=DNS:localhost']
  const files = ['-keyout', join(folder, `${name}.key`), '-out', join(folder, `${name}.pem`)]
  const args = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2', ...subject, ...files]
  execFileSync('openssl', args, { stdio: 'ignore' })
}

async function use(name: string): Promise<void> {
  await copyFile(join(folder, `${name}.key`), join(folder, 'live.key'))
  await copyFile(join(folder, `${name}.pem`), join(folder, 'live.pem'))
}

async function ask(path: string, options: { method?: string; headers?: Record<string, string>; body?: string } = {}): Promise<Answer> {
  return await new Promise((resolve, reject) => {
    const target = { host: '127.0.0.1', port: server.tlsPort, path, rejectUnauthorized: false, agent: false, ...options }
    const outgoing = request(target, (response) => {
      const { fingerprint256 } = (response.socket as TLSSocket).getPeerCertificate()
      let text = ''
      response.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk
      })
      response.on('end', () =>
        resolve({
          status: response.statusCode,
          headers: response.headers,
          body: text === '' ? {} : JSON.parse(text),
          fingerprint: fingerprint256,
        }),
      )
    })
    outgoing.on('error', reject)
    outgoing.end(options.body)
  })
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'myelin-tls-'))
  makeCertificate('first')
  makeCertificate('second')
  await use('first')
  server = await startServerProcess({
    bundle,
    env: { MYELIN_TLS_PORT: '0', MYELIN_TLS_CERT: join(folder, 'live.pem'), MYELIN_TLS_KEY: join(folder, 'live.key') },
  })
})
afterAll(async () => {
  expect(await server.stop()).toBe(0)
})

describe('the TLS listener', () => {
  it('hands method, path, body and headers to the Worker and its answer back', async () => {
    const answer = await ask('/echo?a=%2Fb', { method: 'PUT', headers: { authorization: 'X-Matrix a', 'x-custom': '1' }, body: 'häh' })
    expect(answer.status).toBe(200)
    expect(answer.body).toMatchObject({ method: 'PUT', body: 'häh' })
    expect(answer.body.headers).toMatchObject({ authorization: 'X-Matrix a', 'x-custom': '1' })
  })

  it('streams a body whose length nobody announced', async () => {
    const body = 'x'.repeat(300_000)
    expect((await ask('/echo', { method: 'POST', headers: { 'transfer-encoding': 'chunked' }, body })).body.body).toBe(body)
  })

  it('vouches for the address it sees, whatever the client claims', async () => {
    const { body } = await ask('/echo', { headers: { 'x-myelin-client-address': 'forged 6.6.6.6' } })
    expect(body.headers['x-myelin-client-address']).toBe(`${body.control} 127.0.0.1`)
  })

  it('passes a refusal on as it is', async () => {
    expect((await ask('/nowhere')).status).toBe(404)
  })

  it('answers 502 while the Worker is away, and works again afterwards', async () => {
    process.kill(await server.workerdPid(), 'SIGKILL')
    expect([200, 502]).toContain((await ask('/echo')).status)
    await expect.poll(async () => (await ask('/echo')).status, { timeout: 60_000 }).toBe(200)
  })

  it('is trusted by a server that was told to trust its certificate, and by no other', async () => {
    const reach = async (env: Record<string, string>): Promise<number> => {
      const other = await startServerProcess({ bundle, env })
      try {
        return (await fetch(`${other.url}/fetch`, { method: 'POST', body: `https://localhost:${server.tlsPort}/echo` })).status
      } finally {
        await other.stop()
      }
    }
    expect(await reach({ MYELIN_EXTRA_CA: join(folder, 'first.pem') })).toBe(200)
    expect(await reach({})).toBe(500)
  })

  it('uses a renewed certificate without a restart', async () => {
    const before = (await ask('/echo')).fingerprint
    await use('second')
    await expect.poll(async () => (await ask('/echo')).fingerprint, { timeout: 60_000, interval: 500 }).not.toBe(before)
  })
})
