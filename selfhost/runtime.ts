import { randomBytes } from 'node:crypto'
import type { Miniflare } from 'miniflare'
import { parseConfig } from '../src/runtime/config.ts'
import { IMAGE_MODULE, loadImageModule, loadWorker } from './bundle.ts'
import type { HostConfig } from './config.ts'
import type { DataDir } from './data-dir.ts'
import { freePort } from './free-port.ts'
import { endLeftoverWorkerd, instanceMark } from './leftover.ts'
import { type RuntimeOptions, startMiniflare } from './miniflare-options.ts'
import { logLine, workerLogLine } from './output.ts'
import { loadRegistrationSecret } from './registration.ts'
import { applyRegistryMigrations, readRegistryMigrations } from './registry-migrations.ts'
import { loadSecrets } from './secrets.ts'
import { oldSigningKeys } from './signing-keys.ts'
import { readWorkerConfig } from './worker-config.ts'

/** A free port can be lost between finding and using it: how often to look again. */
const PORT_ATTEMPTS = 5

/** The running Worker. */
export interface Runtime {
  readonly miniflare: Miniflare
  /** Base URL of the plain listener as this machine reaches it. */
  readonly url: string
  readonly port: number
  readonly controlToken: string
  /** Shared secret of `/_synapse/admin/v1/register`: the configured one, or the data directory's own. */
  readonly registrationSecret: string
  /** Whether this data directory was used for the first time. */
  readonly firstStart: boolean
}

/** The address by which this machine reaches a listener bound to `bind`. */
function reachableHost(bind: string): string {
  if (bind === '0.0.0.0') return '127.0.0.1'
  if (bind === '::') return '[::1]'
  return bind.includes(':') ? `[${bind}]` : bind
}

/** Where clients reach this server when nobody said so: over HTTPS under its name, or over plain HTTP when the name means this machine. */
function defaultPublicUrl(config: HostConfig, port: number): string {
  const isLocal = /^(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])(?::\d+)?$/.test(config.serverName)
  return isLocal ? `http://localhost:${port}` : `https://${config.serverName.replace(/:\d+$/, '')}`
}

async function startListening(config: HostConfig, base: Omit<RuntimeOptions, 'listen'>): Promise<{ miniflare: Miniflare; port: number }> {
  for (let attempt = 1; ; attempt += 1) {
    const port = config.port === 0 ? await freePort(config.bind) : config.port
    const variables = { ...base.variables, MYELIN_PUBLIC_URL: config.publicUrl ?? defaultPublicUrl(config, port) }
    try {
      return { miniflare: await startMiniflare({ ...base, variables, listen: { host: config.bind, port } }), port }
    } catch (cause) {
      const taken = cause instanceof Error && 'code' in cause && cause.code === 'ERR_ADDRESS_IN_USE'
      if (taken && config.port !== 0) throw new Error(`port ${port} on ${config.bind} is in use; choose another with MYELIN_PORT`)
      if (!taken || attempt >= PORT_ATTEMPTS) throw cause
    }
  }
}

/**
 * Brings the Worker up on a data directory: ends a leftover of an earlier run, makes secrets on the first start, migrates the registry
 * before anybody can connect, then listens. `bundle` replaces the bundled sources.
 */
export async function startRuntime(config: HostConfig, dataDir: DataDir, bundle: string | undefined): Promise<Runtime> {
  const pidFile = dataDir.file('workerd.pid')
  const instance = instanceMark(dataDir.path)
  const ended = await endLeftoverWorkerd(pidFile, instance)
  if (ended !== undefined) logLine('warn', `ended process ${ended}, which an earlier run had left behind`)
  const loaded = [loadSecrets(dataDir.path), readWorkerConfig(), loadWorker(bundle), loadImageModule()] as const
  const [secrets, worker, script, imageModule] = await Promise.all(loaded)
  const registrationSecret = config.registrationSharedSecret ?? (await loadRegistrationSecret(dataDir.path))
  const controlToken = randomBytes(32).toString('base64url')
  const base = {
    script,
    wasm: { [IMAGE_MODULE]: imageModule },
    worker,
    storageDir: dataDir.file('storage'),
    variables: {
      ...config.variables,
      MYELIN_SECRET: process.env.MYELIN_SECRET ?? secrets.secret,
      MYELIN_SIGNING_KEY: process.env.MYELIN_SIGNING_KEY ?? secrets.signingKey,
      MYELIN_OLD_SIGNING_KEYS: await oldSigningKeys(dataDir.path, config.variables.MYELIN_OLD_SIGNING_KEYS),
      MYELIN_REGISTRATION_SHARED_SECRET: registrationSecret,
      MYELIN_CONTROL_TOKEN: controlToken,
    },
    pidFile,
    instance,
    extraCa: config.extraCa,
    dnsServers: config.dnsServers,
    onLog: workerLogLine,
  }
  // Again, now with the real secrets: a damaged key file must be reported here and not by every request.
  parseConfig(base.variables)
  const migrations = await readRegistryMigrations(worker)
  const known = await dataDir.knownRegistryMigrations()
  if (migrations.some(({ name }) => !known.includes(name)) || known.length > migrations.length) {
    const closed = await startMiniflare({ ...base, listen: undefined })
    try {
      const applied = await applyRegistryMigrations(closed, worker, migrations)
      if (applied.length > 0) logLine('info', `registry migrated: ${applied.join(', ')}`)
      await dataDir.noteRegistryMigrations(migrations.map(({ name }) => name))
    } finally {
      await closed.dispose()
    }
  }
  const { miniflare, port } = await startListening(config, base)
  const url = `http://${reachableHost(config.bind)}:${port}`
  return { miniflare, url, port, controlToken, registrationSecret, firstStart: secrets.fresh }
}
