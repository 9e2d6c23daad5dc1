import { execFileSync } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type CuttableLink, cuttableLink } from './cuttable-link.ts'
import { freePort } from './free-port.ts'
import { MatrixClient } from './matrix-client.ts'
import { type ServerProcess, startServerProcess } from './server-process.ts'

/** A self-hosted server that other servers reach over TLS on the loopback address. */
export interface FederatedServer {
  readonly name: string
  readonly process: ServerProcess
  /** What other servers reach it through. */
  readonly link: CuttableLink
  register(localpart: string): Promise<MatrixClient>
}

/** TLS for every server of a federation on the loopback address. */
export interface FederationTls {
  readonly key: string
  readonly certificate: string
  readonly folder: string
}

/** Makes a key and a certificate for servers on the loopback address, in a folder of their own. */
export async function makeFederationTls(): Promise<FederationTls> {
  const folder = await mkdtemp(join(tmpdir(), 'myelin-federation-'))
  const key = join(folder, 'tls.key')
  const certificate = join(folder, 'tls.pem')
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1']
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256']
  execFileSync('openssl', ['req', '-x509', ...curve, '-nodes', '-days', '2', ...subject, '-keyout', key, '-out', certificate], {
    stdio: 'ignore',
  })
  return { key, certificate, folder }
}

/** What a server on the loopback address is told, so that others reach it under a port, and it them. */
export function federationEnv(port: number, tls: FederationTls): Record<string, string> {
  return {
    MYELIN_TLS_PORT: String(port),
    MYELIN_TLS_CERT: tls.certificate,
    MYELIN_TLS_KEY: tls.key,
    MYELIN_EXTRA_CA: tls.certificate,
    MYELIN_ALLOW_PRIVATE_NETWORK: 'on',
  }
}

/** Starts servers that trust one another's certificates. `stop` ends them all. */
export async function startFederation(
  count: number,
  env: Readonly<Record<string, string>> = {},
): Promise<{ readonly servers: FederatedServer[]; readonly tls: FederationTls; stop(): Promise<void> }> {
  const tls = await makeFederationTls()
  const servers: FederatedServer[] = []
  for (let index = 0; index < count; index += 1) {
    // Others know the server by the port of a relay, which tests can cut.
    const port = await freePort()
    const tlsPort = await freePort()
    const link = await cuttableLink(port, () => tlsPort)
    const name = `localhost:${port}`
    const server = await startServerProcess({
      serverName: name,
      env: { ...federationEnv(tlsPort, tls), MYELIN_LOG: process.env.FEDERATION_LOG ?? 'warn', ...env },
    })
    servers.push({ name, process: server, link, register: (localpart) => MatrixClient.register({ url: server.url, fetch }, localpart) })
  }
  return {
    servers,
    tls,
    stop: async () => {
      // Asked for by whoever looks into a failure.
      if (process.env.SHOW_OUTPUT) for (const server of servers) console.log(server.name, server.process.output())
      await Promise.all(servers.map((server) => server.process.stop()))
      await Promise.all(servers.map(({ link }) => link.close()))
      await rm(tls.folder, { recursive: true, force: true })
    },
  }
}

/** Two servers, and users on them. */
export interface FederatedPair {
  readonly here: FederatedServer
  readonly there: FederatedServer
  /** On `here`. */
  readonly alice: MatrixClient
  /** On `there`. */
  readonly bob: MatrixClient
  stop(): Promise<void>
}

/** Starts two servers with a user each. */
export async function startPair(): Promise<FederatedPair> {
  const { servers, stop } = await startFederation(2)
  const [here, there] = servers
  if (here === undefined || there === undefined) throw new Error('two servers are needed')
  return { here, there, alice: await here.register('alice'), bob: await there.register('bob'), stop }
}

/** Pauses between looks are this many times as long as the look took. */
const PAUSE_FACTOR = 3

/** Joins a room through a server. */
export async function joinVia(client: MatrixClient, roomId: string, via: string): Promise<void> {
  await client.call('POST', `/v3/join/${encodeURIComponent(roomId)}`, { query: { via, server_name: via }, body: {} })
}

/**
 * Asks again until the answer is as wanted; fails when the answer has not changed for a time. Servers that share a processor with the asker
 * need it for what is waited for: the pause grows with the time that an answer took.
 */
export async function eventually<T>(ask: () => Promise<T>, isWanted: (answer: T) => boolean, standstillMs = 60_000): Promise<T> {
  let known: string | undefined
  let changedAt = Date.now()
  for (;;) {
    const askedAt = Date.now()
    const answer = await ask()
    if (isWanted(answer)) return answer
    const at = Date.now()
    const text = JSON.stringify(answer)
    if (text !== known) {
      known = text
      changedAt = at
    } else if (at - changedAt > standstillMs) {
      throw new Error(`not as wanted: ${text?.slice(-2_000)}`)
    }
    await new Promise((resolve) => setTimeout(resolve, Math.max(50, PAUSE_FACTOR * (at - askedAt))))
  }
}
