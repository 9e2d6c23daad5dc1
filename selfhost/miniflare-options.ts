import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import type { Miniflare, MiniflareOptions } from 'miniflare'
import { resolverHandler } from './resolver.ts'
import type { WorkerConfig } from './worker-config.ts'

/** What one workerd process needs. */
export interface RuntimeOptions {
  readonly script: string
  /** What the script imports, compiled by workerd: by name. */
  readonly wasm: Readonly<Record<string, Uint8Array<ArrayBuffer>>>
  readonly worker: WorkerConfig
  /** Folder for databases and blobs; one subfolder per kind of storage. */
  readonly storageDir: string
  /** MYELIN_ variables and secrets, bound as text. */
  readonly variables: Readonly<Record<string, string>>
  /** Where clients connect; absent while the registry is being migrated, when nobody may connect. */
  readonly listen: { readonly host: string; readonly port: number } | undefined
  /** File that receives workerd's process ID. */
  readonly pidFile: string
  /** Found again in the environment of workerd, to tell ours from a stranger with a recycled process ID. */
  readonly instance: string
  /** PEM file of certificate authorities to trust, besides the usual ones, for outgoing requests. */
  readonly extraCa: string | undefined
  /** DNS servers that are asked for service records; empty: those of the machine. */
  readonly dnsServers: readonly string[]
  readonly onLog: (level: string, message: string) => void
}

const WORKER_NAME = 'myelin'
/** Miniflare's constant has this many characters; the launcher replaces it without moving any other byte. */
const CONNECT_HOST_LENGTH = 'miniflare-unsafe-internal-capnp-connect'.length

/**
 * Networks that workerd's own notion of "public" lets through and that lead, or may lead, to private IPv4 addresses: NAT64, 6to4, Teredo.
 */
const TUNNELS = ['64:ff9b::/96', '64:ff9b:1::/48', '2002::/16', '2001::/32']

/**
 * The network that the Worker asks other servers through. workerd checks addresses after resolving names, at the moment of connecting, so
 * no DNS answer leads to a private address unless the operator allows those.
 */
function outboundNetwork({ variables, extraCa }: RuntimeOptions) {
  const allowPrivate = variables.MYELIN_ALLOW_PRIVATE_NETWORK === 'on'
  const certificates =
    extraCa === undefined ? [] : readFileSync(extraCa, 'utf8').match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g)
  return {
    type: 'network' as const,
    allow: allowPrivate ? ['public', 'private'] : ['public'],
    deny: allowPrivate ? [] : TUNNELS,
    tlsOptions: { trustBrowserCas: true, trustedCertificates: certificates ?? [] },
  }
}

/** Options that serve the Worker straight from workerd, and switch off what only development wants. */
export function miniflareOptions(options: RuntimeOptions): MiniflareOptions {
  const { worker } = options
  const classes = worker.durable_objects.bindings
  return {
    // Miniflare's own entry: control traffic of this program only, on a random loopback port. Clients use the direct socket below.
    host: '127.0.0.1',
    port: 0,
    unsafeProxySharedSecret: randomBytes(32).toString('hex'),
    cf: false,
    logRequests: false,
    enableDevRegistry: false,
    telemetry: { enabled: false },
    resourcePersistencePath: options.storageDir,
    handleStructuredLogs: ({ level, message }) => options.onLog(level, message),
    unsafeRuntimeEnv: { MYELIN_INSTANCE: options.instance },
    workers: [
      {
        config: {
          name: WORKER_NAME,
          compatibilityDate: worker.compatibility_date,
          compatibilityFlags: worker.compatibility_flags,
          manifest: {
            mainModule: 'worker.js',
            modules: {
              'worker.js': { type: 'esm', contents: options.script },
              ...Object.fromEntries(Object.entries(options.wasm).map(([name, contents]) => [name, { type: 'wasm' as const, contents }])),
            },
          },
          env: {
            ...Object.fromEntries(Object.entries(options.variables).map(([name, value]) => [name, { type: 'text' as const, value }])),
            ...Object.fromEntries(
              classes.map((entry) => [entry.name, { type: 'durable-object' as const, exportName: entry.class_name, worker: WORKER_NAME }]),
            ),
            ...Object.fromEntries(worker.d1_databases.map(({ binding }) => [binding, { type: 'd1' as const, id: binding }])),
            ...Object.fromEntries(worker.kv_namespaces.map(({ binding }) => [binding, { type: 'kv' as const, id: binding }])),
            OUTBOUND: outboundNetwork(options),
            RESOLVER: { type: 'node-handler' as const, handler: resolverHandler(options.dnsServers) },
            ...Object.fromEntries(worker.r2_buckets.map(({ binding }) => [binding, { type: 'r2' as const, name: binding }])),
          },
          exports: Object.fromEntries(
            classes.map((entry) => [
              entry.class_name,
              { type: 'durable-object' as const, storage: 'sqlite' as const, unsafeUniqueKey: `myelin-${entry.class_name}` },
            ]),
          ),
        },
        dev: {
          cacheAPI: false,
          unsafeRegisterWorker: false,
          ...(options.listen === undefined ? {} : { unsafeDirectSockets: [{ host: options.listen.host, port: options.listen.port }] }),
        },
      },
    ],
  }
}

/** Starts workerd and waits until it listens. Throws when the port is taken or the Worker does not compile. */
export async function startMiniflare(options: RuntimeOptions): Promise<Miniflare> {
  if (options.extraCa !== undefined) process.env.NODE_EXTRA_CA_CERTS = options.extraCa
  const require = createRequire(import.meta.url)
  const workerd: unknown = createRequire(require.resolve('miniflare'))('workerd')
  if (typeof workerd !== 'object' || workerd === null || !('default' in workerd) || typeof workerd.default !== 'string') {
    throw new Error('the workerd package does not name its binary')
  }
  process.env.MYELIN_WORKERD = workerd.default
  process.env.MYELIN_WORKERD_PID_FILE = options.pidFile
  process.env.MYELIN_CONNECT_HOST = randomBytes(CONNECT_HOST_LENGTH).toString('hex').slice(0, CONNECT_HOST_LENGTH)
  process.env.MINIFLARE_WORKERD_PATH = join(import.meta.dirname, 'workerd-launcher.sh')
  // Imported late: Miniflare reads the variables above and NODE_EXTRA_CA_CERTS while it loads.
  const { Miniflare } = await import('miniflare')
  const miniflare = new Miniflare(miniflareOptions(options))
  try {
    await miniflare.ready
  } catch (cause) {
    await miniflare.dispose().catch(() => undefined)
    throw cause
  }
  return miniflare
}
