import { rm } from 'node:fs/promises'
import { createServer, type ServerResponse } from 'node:http'
import { request } from 'node:https'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { listenTls, type TlsListener } from '../../../selfhost/tls-listener.ts'
import { type FederationTls, makeFederationTls } from '../../support/federation-pair.ts'

let tls: FederationTls
let listener: TlsListener
/** Requests that the Worker has been handed and not answered yet, by path. */
const waiting = new Map<string, ServerResponse>()
let arrived: (() => void) | undefined
const worker = createServer((incoming, outgoing) => {
  if (incoming.url === '/slow') {
    waiting.set(incoming.url, outgoing)
    arrived?.()
  } else outgoing.end('{}')
})

beforeEach(async () => {
  tls = await makeFederationTls()
  await new Promise<void>((resolve) => worker.listen(0, '127.0.0.1', resolve))
  const { port } = worker.address() as AddressInfo
  const files = { port: 0, certFile: tls.certificate, keyFile: tls.key }
  listener = await listenTls('127.0.0.1', files, { host: '127.0.0.1', port, controlToken: 'secret' })
})
afterEach(async () => {
  await listener.close()
  worker.closeAllConnections()
  await new Promise((resolve) => worker.close(resolve))
  await rm(tls.folder, { recursive: true })
})

const ask = (path: string, method = 'GET'): Promise<number | undefined> =>
  new Promise((resolve, reject) => {
    const target = { host: '127.0.0.1', port: listener.port, path, method, rejectUnauthorized: false, agent: false }
    const outgoing = request(target, (response) => {
      response.resume().on('end', () => resolve(response.statusCode))
    })
    outgoing.on('error', reject)
    outgoing.end()
  })

it('while the server stops: tells other servers its keys, finishes what has come, and refuses everything else', async () => {
  const slowArrived = new Promise<void>((resolve) => {
    arrived = resolve
  })
  const slow = ask('/slow')
  await slowArrived
  listener.refuseRequests()
  const keys = [
    '/_matrix/key/v2/server',
    '/_matrix/key/v2/server/ed25519:a?minimum_valid_until_ts=1',
    '/_matrix/key/v2/query/localhost',
    '/.well-known/matrix/server',
    '/_matrix/federation/v1/version',
  ]
  for (const path of keys) expect(await ask(path), path).toBe(200)
  expect(await ask('/_matrix/key/v2/query', 'POST')).toBe(200)
  const others = [
    '/',
    '/_matrix/client/versions',
    '/_matrix/federation/v1/versions',
    '/_matrix/federation/v1/send/1',
    '/x/_matrix/key/v2/server',
  ]
  for (const path of others) expect(await ask(path), path).toBe(503)
  waiting.get('/slow')?.end('{}')
  expect(await slow).toBe(200)
})
