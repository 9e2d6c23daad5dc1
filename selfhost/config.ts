import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { isIP } from 'node:net'
import { dirname, isAbsolute, join, resolve } from 'node:path'
import { ConfigError, parseConfig } from '../src/runtime/config.ts'
import { checkFiles } from './config-files.ts'
import { parseJsonc } from './jsonc.ts'

/** Names that the Worker reads; passed on to it. */
const WORKER_NAMES = [
  'MYELIN_SERVER_NAME',
  'MYELIN_PUBLIC_URL',
  'MYELIN_REGISTRATION',
  'MYELIN_REGISTRATION_SHARED_SECRET',
  'MYELIN_DEFAULT_ROOM_VERSION',
  'MYELIN_RATE_LIMITS',
  'MYELIN_ALLOW_PRIVATE_NETWORK',
  'MYELIN_THREAD_SUBSCRIPTIONS',
  'MYELIN_OLD_SIGNING_KEYS',
  'MYELIN_NOTARIES',
  'MYELIN_DENIED_KEYS',
  'MYELIN_USER_LOOKUPS',
  'MYELIN_FEDERATE_DEVICE_NAMES',
  'MYELIN_PRESENCE',
  'MYELIN_OAUTH',
  'MYELIN_PASSWORD_LOGIN',
  'MYELIN_MEDIA_UPLOAD_MAX_BYTES',
  'MYELIN_MEDIA_USER_QUOTA_BYTES',
  'MYELIN_MEDIA_REMOTE_MAX_BYTES',
  'MYELIN_MEDIA_REMOTE_RETENTION_DAYS',
  'MYELIN_MEDIA_REMOTE_CACHE_BYTES',
  'MYELIN_MEDIA_THUMBNAIL_MAX_PIXELS',
  'MYELIN_MEDIA_UNAUTHENTICATED',
  'MYELIN_URL_PREVIEWS',
  'MYELIN_URL_PREVIEW_DENY',
  'MYELIN_TURN_URIS',
  'MYELIN_TURN_SECRET',
  'MYELIN_LOG',
] as const
/** Names that this program reads. */
const HOST_NAMES = [
  'MYELIN_BIND',
  'MYELIN_PORT',
  'MYELIN_TLS_PORT',
  'MYELIN_TLS_CERT',
  'MYELIN_TLS_KEY',
  'MYELIN_DATA_DIR',
  'MYELIN_EXTRA_CA',
  'MYELIN_DNS_SERVERS',
  'MYELIN_APPSERVICES',
  'MYELIN_TRUST_PROXY',
] as const
const NAMES: readonly string[] = [...WORKER_NAMES, ...HOST_NAMES]
const PATH_NAMES: readonly string[] = ['MYELIN_TLS_CERT', 'MYELIN_TLS_KEY', 'MYELIN_EXTRA_CA', 'MYELIN_DATA_DIR', 'MYELIN_APPSERVICES']
const MAX_PORT = 65535
const DEFAULT_THUMBNAIL_MAX_PIXELS = '16000000'
const DEFAULT_FILE = 'myelin.jsonc'

/** The TLS listener's settings. */
export interface TlsConfig {
  readonly port: number
  readonly certFile: string
  readonly keyFile: string
}

/** What the self-hosting program needs to know. Paths are absolute. */
export interface HostConfig {
  readonly serverName: string
  readonly bind: string
  /** 0: any free port. */
  readonly port: number
  readonly tls: TlsConfig | undefined
  readonly dataDir: string
  readonly extraCa: string | undefined
  /** Addresses, with a port if it is not 53, that are asked for service records; empty: those of the machine. */
  readonly dnsServers: readonly string[]
  readonly registration: string
  readonly registrationSharedSecret: string | undefined
  readonly publicUrl: string | undefined
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error'
  /** What the Worker is given, secrets aside. */
  readonly variables: Readonly<Record<string, string>>
  /** What is odd but not wrong. */
  readonly warnings: readonly string[]
}

/** Where settings come from. */
export interface ConfigSources {
  readonly env: Readonly<Record<string, string | undefined>>
  /** `--config`; without it `myelin.jsonc` in `cwd` is read if it exists. */
  readonly file: string | undefined
  readonly cwd: string
}

/** A plausible secret, so that everything else can be checked before the real ones exist. */
const CHECK_ONLY = { MYELIN_SECRET: 'A'.repeat(43), MYELIN_SIGNING_KEY: `ed25519 a_check ${'A'.repeat(43)}` }

function fileValue(value: unknown): string | undefined {
  if (typeof value === 'string' || typeof value === 'number') return String(value)
  if (typeof value === 'boolean') return value ? 'on' : 'off'
  return undefined
}

async function readConfigFile(sources: ConfigSources, problems: string[]): Promise<Record<string, string>> {
  const file = sources.file ?? (existsSync(join(sources.cwd, DEFAULT_FILE)) ? DEFAULT_FILE : undefined)
  if (file === undefined) return {}
  const path = resolve(sources.cwd, file)
  const values: Record<string, string> = {}
  try {
    const parsed = parseJsonc(await readFile(path, 'utf8'))
    if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) throw new Error('it must hold one object')
    for (const [key, raw] of Object.entries(parsed)) {
      const name = `MYELIN_${key.toUpperCase()}`
      const value = fileValue(raw)
      if (key === '$schema') continue
      if (!NAMES.includes(name)) problems.push(`${file}: unknown setting ${JSON.stringify(key)}`)
      else if (value === undefined) problems.push(`${file}: ${JSON.stringify(key)} must be a string, a number or a boolean`)
      // A path in the file is relative to the file; one in the environment to the working directory.
      else values[name] = PATH_NAMES.includes(name) && !isAbsolute(value) ? join(dirname(path), value) : value
    }
  } catch (cause) {
    problems.push(`${file} cannot be read: ${cause instanceof Error ? cause.message : String(cause)}`)
  }
  return values
}

function parsePort(
  values: Readonly<Record<string, string>>,
  name: string,
  fallback: number | undefined,
  problems: string[],
): number | undefined {
  const value = values[name]
  if (value === undefined) return fallback
  const port = Number(value)
  if (/^\d+$/.test(value) && port <= MAX_PORT) return port
  problems.push(`${name} is ${JSON.stringify(value)}; it must be a port between 0 and ${MAX_PORT}`)
  return fallback
}

function parseTls(values: Readonly<Record<string, string>>, problems: string[]): TlsConfig | undefined {
  const port = parsePort(values, 'MYELIN_TLS_PORT', undefined, problems)
  const certFile = values.MYELIN_TLS_CERT
  const keyFile = values.MYELIN_TLS_KEY
  if (port === undefined && certFile === undefined && keyFile === undefined) return undefined
  if (certFile === undefined) problems.push('MYELIN_TLS_CERT is missing: TLS needs a certificate')
  if (keyFile === undefined) problems.push('MYELIN_TLS_KEY is missing: TLS needs the key of its certificate')
  return { port: port ?? 8448, certFile: certFile ?? '', keyFile: keyFile ?? '' }
}

/** Whether only programs on this machine can connect to an address. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127\.\d+\.\d+\.\d+$/.test(host)
}

function onOff(values: Readonly<Record<string, string>>, name: string, fallback: boolean, problems: string[]): boolean {
  const value = values[name]
  if (value === undefined) return fallback
  if (value !== 'on' && value !== 'off') problems.push(`${name} is ${JSON.stringify(value)}; it must be on or off`)
  return value === 'on'
}

/** `address` or `address:port`, IPv6 in brackets where there is a port, separated by commas. */
function parseDnsServers(value: string | undefined, problems: string[]): string[] {
  const servers = (value ?? '').split(',').flatMap((entry) => (entry.trim() === '' ? [] : [entry.trim()]))
  const [wrong] = servers.filter((server) => isIP(server.replace(/^\[(.*)\](?::\d+)?$/, '$1').replace(/^([\d.]+):\d+$/, '$1')) === 0)
  if (wrong !== undefined) problems.push(`MYELIN_DNS_SERVERS has ${JSON.stringify(wrong)}, which is not an address`)
  return servers
}

function unknownNames(env: ConfigSources['env']): string[] {
  return Object.keys(env)
    .filter((name) => name.startsWith('MYELIN_') && !NAMES.includes(name) && !['MYELIN_SECRET', 'MYELIN_SIGNING_KEY'].includes(name))
    .map((name) => `${name} is not a setting of Myelin; it is ignored`)
}

/** Reads the configuration file and the environment, which wins. Throws ConfigError with every problem at once. */
export async function readHostConfig(sources: ConfigSources): Promise<HostConfig> {
  const problems: string[] = []
  const values = await readConfigFile(sources, problems)
  for (const name of NAMES) {
    const value = sources.env[name]
    if (value === undefined || value === '') continue
    values[name] = PATH_NAMES.includes(name) ? resolve(sources.cwd, value) : value
  }
  const bind = values.MYELIN_BIND === '*' ? '::' : (values.MYELIN_BIND ?? '127.0.0.1')
  if (!/^[0-9A-Za-z.:_-]+$/.test(bind)) problems.push(`MYELIN_BIND is ${JSON.stringify(bind)}, which is not an address`)
  const port = parsePort(values, 'MYELIN_PORT', 8008, problems) ?? 8008
  const tls = parseTls(values, problems)
  if (tls !== undefined && tls.port !== 0 && tls.port === port) problems.push('MYELIN_TLS_PORT and MYELIN_PORT must differ')
  const dnsServers = parseDnsServers(values.MYELIN_DNS_SERVERS, problems)
  const trustProxy = onOff(values, 'MYELIN_TRUST_PROXY', isLoopback(bind), problems)
  await checkFiles(values, problems)
  const variables: Record<string, string> = { MYELIN_CLIENT_ADDRESS: trustProxy ? 'x-forwarded-for' : 'none', MYELIN_ISOLATES: 'one' }
  // Here the platform's 128 MB per isolate bind nobody: photos of most telephones fit.
  variables.MYELIN_MEDIA_THUMBNAIL_MAX_PIXELS = DEFAULT_THUMBNAIL_MAX_PIXELS
  for (const name of WORKER_NAMES) if (values[name] !== undefined) variables[name] = values[name]
  const worker = checkWorkerVariables({ ...variables, ...secretsToCheck(sources.env) }, problems)
  if (worker === undefined || problems.length > 0) throw new ConfigError(problems)
  const warnings = unknownNames(sources.env)
  if (values.MYELIN_APPSERVICES !== undefined) warnings.push('MYELIN_APPSERVICES is not used yet by this version')
  return {
    serverName: worker.serverName,
    bind,
    port,
    tls,
    dataDir: values.MYELIN_DATA_DIR ?? resolve(sources.cwd, 'data'),
    extraCa: values.MYELIN_EXTRA_CA,
    dnsServers,
    registration: worker.registration,
    registrationSharedSecret: worker.registrationSharedSecret,
    publicUrl: values.MYELIN_PUBLIC_URL,
    logLevel: worker.logLevel,
    variables,
    warnings,
  }
}

/** The secrets that the environment overrides, and plausible ones for those that the data directory will provide. */
function secretsToCheck(env: ConfigSources['env']): Readonly<Record<string, string>> {
  return {
    MYELIN_SECRET: env.MYELIN_SECRET ?? CHECK_ONLY.MYELIN_SECRET,
    MYELIN_SIGNING_KEY: env.MYELIN_SIGNING_KEY ?? CHECK_ONLY.MYELIN_SIGNING_KEY,
  }
}

function checkWorkerVariables(variables: Readonly<Record<string, string>>, problems: string[]): ReturnType<typeof parseConfig> | undefined {
  try {
    return parseConfig(variables)
  } catch (cause) {
    if (!(cause instanceof ConfigError)) throw cause
    problems.push(...cause.problems)
    return undefined
  }
}
