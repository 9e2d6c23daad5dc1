import { lookup } from 'node:dns/promises'
import { hostname } from 'node:os'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { verifyJsonSignature } from '../../../src/matrix/signing.ts'
import { type HttpsServer, serveDns, serveHttps } from '../../support/federation-https.ts'
import { HostileServer } from '../../support/hostile-server.ts'
import { type ServerProcess, startServerProcess } from '../../support/server-process.ts'

/** This machine's name, where it leads to the loopback address: a name that says nothing of where it leads. */
const machine = hostname().toLowerCase()
const machineIsLoopback = await lookup(machine).then(
  ({ address }) => address.startsWith('127.'),
  () => false,
)
const DELEGATED = 'delegated.example'

const peer = new HostileServer('placeholder.example', 1)
let https: HttpsServer
let dns: Awaited<ReturnType<typeof serveDns>>

beforeAll(async () => {
  // Answers under whichever name it is asked, as that server.
  https = await serveHttps(
    {
      answer: async (request) => {
        const host = new URL(request.url).host
        const serverName = host.startsWith(DELEGATED) ? DELEGATED : host
        const { signer, seed, publicKey } = new HostileServer(serverName, 1)
        expect([seed.length, publicKey.length]).toEqual([32, 32])
        if (!new URL(request.url).pathname.startsWith('/_matrix/key/')) return new Response('', { status: 404 })
        return Response.json(new HostileServer(serverName, 1).keyDocument({ signer }))
      },
    },
    'DNS:localhost',
    `DNS:${machine}`,
    `DNS:${DELEGATED}`,
    'IP:127.0.0.1',
  )
  dns = await serveDns(new Map([[`_matrix-fed._tcp.${DELEGATED}`, { port: https.port, target: 'localhost' }]]))
})
afterAll(async () => {
  await https.close()
  await dns.close()
})

async function withServer<T>(env: Record<string, string>, body: (server: ServerProcess) => Promise<T>): Promise<T> {
  const server = await startServerProcess({ env: { MYELIN_EXTRA_CA: https.certificate, MYELIN_DNS_SERVERS: dns.address, ...env } })
  try {
    return await body(server)
  } finally {
    expect(await server.stop()).toBe(0)
  }
}

/** What a server of ours learns of another server's keys: the shortest way to make it ask. */
async function keysOf(server: ServerProcess, serverName: string): Promise<Parameters<typeof verifyJsonSignature>[0][]> {
  const response = await fetch(`${server.url}/_matrix/key/v2/query/${encodeURIComponent(serverName)}`)
  expect(response.status).toBe(200)
  const { server_keys } = (await response.json()) as { server_keys: Parameters<typeof verifyJsonSignature>[0][] }
  return server_keys
}

describe('the self-hosted server', () => {
  it('asks other servers over TLS, by name, by address and by service record', async () => {
    await withServer({ MYELIN_ALLOW_PRIVATE_NETWORK: 'on' }, async (server) => {
      for (const serverName of [`localhost:${https.port}`, `127.0.0.1:${https.port}`, DELEGATED]) {
        const [document, ...more] = await keysOf(server, serverName)
        expect([document?.server_name, more]).toEqual([serverName, []])
        expect(document && verifyJsonSignature(document, serverName, peer.signer.keyId, peer.publicKey)).toBe(true)
      }
      // A service record changes where to connect, not who must answer there (server-server-api#resolving-server-names, step 4).
      expect([https.serverNames.at(-1), https.hosts.at(-1)]).toEqual([DELEGATED, DELEGATED])
      expect(dns.asked).toEqual([`_matrix-fed._tcp.${DELEGATED}`])
    })
  })

  it('connects to no private address, whatever leads there: address, name, service record (M6, F17)', async () => {
    await withServer({}, async (server) => {
      const before = https.hosts.length
      const names = [
        `localhost:${https.port}`,
        `127.0.0.1:${https.port}`,
        DELEGATED,
        `2130706433:${https.port}`,
        `[::ffff:127.0.0.1]:${https.port}`,
      ]
      for (const serverName of machineIsLoopback ? [...names, `${machine}:${https.port}`] : names) {
        expect([serverName, await keysOf(server, serverName)]).toEqual([serverName, []])
      }
      expect(https.hosts).toHaveLength(before)
    })
  })

  it('believes no certificate for another name', async () => {
    const other = await serveHttps({ answer: async () => Response.json({}) }, 'DNS:other.example')
    const wrong = await serveDns(new Map([[`_matrix-fed._tcp.${DELEGATED}`, { port: other.port, target: 'localhost' }]]))
    try {
      const env = { MYELIN_ALLOW_PRIVATE_NETWORK: 'on', MYELIN_EXTRA_CA: other.certificate, MYELIN_DNS_SERVERS: wrong.address }
      await withServer(env, async (server) => {
        expect(await keysOf(server, DELEGATED)).toEqual([])
        expect(await keysOf(server, `localhost:${other.port}`)).toEqual([])
      })
      expect(other.hosts).toEqual([])
    } finally {
      await other.close()
      await wrong.close()
    }
  })
})
