import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { FederationTls } from './federation-pair.ts'
import { freePort } from './free-port.ts'

const START_TIMEOUT_MS = 60_000
const POLL_MS = 100

/** A Synapse on the loopback address that trusts the federation's certificates. */
export interface SynapseServer {
  readonly name: string
  /** Base URL of its client API. */
  readonly url: string
  output(): string
  stop(): Promise<void>
}

/** Where a virtual environment with `matrix-synapse` is; without it tests with Synapse are skipped. */
export const SYNAPSE_VENV = process.env.SYNAPSE_VENV

/** What a test wants otherwise than most. */
export interface SynapseOptions {
  /** Whether users see who is online. */
  readonly presence?: boolean
}

/** Starts a Synapse with open registration and no rate limits, on SQLite. Its directory is open to other servers. */
export async function startSynapse(venv: string, tls: FederationTls, { presence = false }: SynapseOptions = {}): Promise<SynapseServer> {
  const folder = await mkdtemp(join(tmpdir(), 'myelin-synapse-'))
  const federationPort = await freePort()
  const clientPort = await freePort()
  const name = `localhost:${federationPort}`
  const config = join(folder, 'homeserver.yaml')
  await writeFile(join(folder, 'log.yaml'), LOG_CONFIG)
  execFileSync(join(venv, 'bin/generate_signing_key'), ['-o', join(folder, 'signing.key')])
  await writeFile(config, homeserverYaml({ folder, name, federationPort, clientPort, tls, presence }))
  let output = ''
  const child: ChildProcess = spawn(join(venv, 'bin/python'), ['-m', 'synapse.app.homeserver', '-c', config], {
    cwd: folder,
    env: { ...process.env, SSL_CERT_FILE: tls.certificate },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => {
      output = (output + text).slice(-2_000_000)
    })
  }
  const url = `http://127.0.0.1:${clientPort}`
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  for (let waitedMs = 0; ; waitedMs += POLL_MS) {
    if (child.exitCode !== null || waitedMs > START_TIMEOUT_MS) throw new Error(`Synapse did not start:\n${output}`)
    const up = await fetch(`${url}/_matrix/client/versions`).then(
      (response) => response.ok,
      () => false,
    )
    if (up) break
    await new Promise((resolve) => setTimeout(resolve, POLL_MS))
  }
  return {
    name,
    url,
    output: () => output,
    stop: async () => {
      child.kill('SIGKILL')
      await exited
      await rm(folder, { recursive: true, force: true })
    },
  }
}

const LOG_CONFIG = `version: 1
disable_existing_loggers: false
formatters: {f: {format: '%(levelname)s %(name)s %(message)s'}}
handlers: {out: {class: logging.StreamHandler, formatter: f, stream: ext://sys.stdout}}
root: {level: ${process.env.SYNAPSE_LOG ?? 'WARNING'}, handlers: [out]}
`

interface YamlValues {
  readonly folder: string
  readonly name: string
  readonly federationPort: number
  readonly clientPort: number
  readonly tls: FederationTls
  readonly presence: boolean
}

/** The settings of a Synapse without rate limits, and without its ten minutes of silence after a request that failed. */
function homeserverYaml({ folder, name, federationPort, clientPort, tls, presence }: YamlValues): string {
  const generous = '{per_second: 10000, burst_count: 10000}'
  return `server_name: "${name}"
pid_file: "${folder}/homeserver.pid"
log_config: "${folder}/log.yaml"
tls_certificate_path: "${tls.certificate}"
tls_private_key_path: "${tls.key}"
signing_key_path: "${folder}/signing.key"
listeners:
  - {port: ${clientPort}, tls: false, bind_addresses: ["127.0.0.1"], type: http, resources: [{names: [client]}]}
  - {port: ${federationPort}, tls: true, bind_addresses: ["127.0.0.1", "::1"], type: http, resources: [{names: [federation]}]}
database: {name: sqlite3, args: {database: "${folder}/homeserver.db"}}
media_store_path: "${folder}/media"
macaroon_secret_key: for-tests-only
form_secret: for-tests-only
report_stats: false
public_baseurl: http://127.0.0.1:${clientPort}/
enable_registration: true
enable_registration_without_verification: true
trusted_key_servers: []
suppress_key_server_warning: true
federation_custom_ca_list: ["${tls.certificate}"]
federation_ip_range_blacklist: []
ip_range_blacklist: []
presence: {enabled: ${presence}}
allow_public_rooms_over_federation: true
room_list_publication_rules: [{action: allow}]
federation: {destination_min_retry_interval: 1s, destination_retry_multiplier: 1, destination_max_retry_interval: 5s}
caches: {sync_response_cache_duration: 0}
rc_message: ${generous}
rc_registration: ${generous}
rc_login: {address: ${generous}, account: ${generous}, failed_attempts: ${generous}}
rc_joins: {local: ${generous}, remote: ${generous}}
rc_presence: {per_user: ${generous}}
rc_joins_per_room: ${generous}
rc_room_creation: ${generous}
rc_invites: {per_room: ${generous}, per_user: ${generous}, per_issuer: ${generous}}
rc_federation: {window_size: 1000, sleep_limit: 10000, sleep_delay: 1, reject_limit: 10000, concurrent: 100}
`
}
