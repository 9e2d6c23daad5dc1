import { request as plainRequest } from 'node:http'
import { request as tlsRequest } from 'node:https'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { signRequest } from '../../../src/matrix/x-matrix.ts'
import { type HttpsServer, serveHttps } from '../../support/federation-https.ts'
import { HostileServer } from '../../support/hostile-server.ts'
import { type ServerProcess, startServerProcess } from '../../support/server-process.ts'

let peer: HostileServer
let https: HttpsServer
let server: ServerProcess

beforeAll(async () => {
  https = await serveHttps({ answer: (request) => peer.answer(request) }, 'DNS:localhost')
  peer = new HostileServer(`localhost:${https.port}`, 1)
  server = await startServerProcess({
    serverName: 'us.example',
    env: {
      MYELIN_EXTRA_CA: https.certificate,
      MYELIN_ALLOW_PRIVATE_NETWORK: 'on',
      MYELIN_TLS_PORT: '0',
      MYELIN_TLS_CERT: https.certificate,
      MYELIN_TLS_KEY: https.privateKey,
    },
  })
})
afterAll(async () => {
  expect(await server.stop()).toBe(0)
  await https.close()
})

/** Sends a request with exactly this on its request line, signed over `signedUri`; answers the status. */
async function ask(listener: 'plain' | 'tls', uri: string, signedUri = uri, body?: string, signedBody = body): Promise<number | undefined> {
  const method = body === undefined ? 'GET' : 'PUT'
  const authorization = signRequest({ method, uri: signedUri, destination: 'us.example', canonicalContent: signedBody }, peer.signer)
  const headers = { authorization, ...(body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) }) }
  const { port } = new URL(server.url)
  return await new Promise((resolve, reject) => {
    const options = { host: '127.0.0.1', method, path: uri, headers, agent: false }
    const outgoing =
      listener === 'plain'
        ? plainRequest({ ...options, port })
        : tlsRequest({ ...options, port: server.tlsPort, rejectUnauthorized: false })
    outgoing.on('response', (response) => {
      response.resume().on('end', () => resolve(response.statusCode))
    })
    outgoing.on('error', reject)
    outgoing.end(body)
  })
}

describe.each(['plain', 'tls'] as const)('what is on the request line, through the %s listener (F3)', (listener) => {
  const path = '/_matrix/federation/v1/event_auth/!r%3Aus.example/'

  it.each([
    '$x',
    '%24x%3Ay',
    '%24x%3ay',
    '%2524x',
    '$x?',
    '$x?a=b+c%20d&&e=%2F%2f&=&a',
    '$a~b!c*d(e)f',
    "$x'y",
    '$x;v=1',
    '$x%2Fy%5Cz',
    '$x?q=a/../b',
    '$x?%C3%BC',
  ])('is what the signature is checked over: %s', async (segment) => {
    // Signed by a server that is in no room here: known, and refused.
    expect([403, 404]).toContain(await ask(listener, `${path}${segment}`))
    expect(await ask(listener, `${path}${segment}`, `${path}${segment}x`)).toBe(401)
  })

  it('and so is the body, also where it was signed as something else', async () => {
    const send = '/_matrix/federation/v1/send/t'
    const body = `{"origin":"${peer.serverName}","origin_server_ts":1,"pdus":[]}`
    expect(await ask(listener, `${send}1${listener}`, undefined, body)).toBe(200)
    expect(await ask(listener, `${send}2${listener}`, undefined, body, body.replace('1', '2'))).toBe(401)
    expect(await ask(listener, `${send}3${listener}`, undefined, `${body} x`, body)).toBe(401)
  })
})
