import { UNSTABLE_ROOM_VERSIONS } from '../matrix/room-versions/rules.ts'
import { type MediaConfig, mediaConfig } from './media-config.ts'

/** Where clients get TURN servers, and what their passwords are made of. */
export interface TurnConfig {
  readonly uris: readonly string[]
  readonly secret: string
}

/** Who may create accounts: nobody, holders of a registration token, everybody. */
export type RegistrationMode = 'closed' | 'token' | 'open'

/** Whose profile, devices and keys somebody may look up: anybody's, or those of users whom they share a room with. */
export type UserLookups = 'anyone' | 'shared-rooms'

/** The Worker's configuration, parsed once per isolate from variables and secrets. Durations in milliseconds. */
export interface Config {
  readonly serverName: string
  /** Base URL of the client API as clients reach it, without a trailing slash. */
  readonly publicUrl: string
  readonly registration: RegistrationMode
  readonly registrationSharedSecret: string | undefined
  readonly defaultRoomVersion: string
  readonly rateLimits: boolean
  readonly allowPrivateNetwork: boolean
  /** Whether all Workers and objects share one isolate, as they do self-hosted: then polls wait in memory. */
  readonly isolates: 'one' | 'many'
  /** Whether users see who is there. */
  readonly presence: boolean
  /** Whether push rules go by thread subscriptions (MSC4306). Without them every client would stop notifying of threads that it does not subscribe to. */
  readonly threadSubscriptions: boolean
  /** Whether clients may log in through OAuth 2.0 and the server's own pages. */
  readonly oauth: boolean
  /** Whether clients may register and log in with a password by themselves, as they did before OAuth. */
  readonly passwordLogin: boolean
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error'
  /** Master secret; derive keys from it by HMAC with a label, never use it directly. */
  readonly secret: Uint8Array
  readonly signingKey: { readonly keyId: string; readonly seed: Uint8Array }
  /** Keys that this server signed with before: published, so that old events can still be checked. Public keys in unpadded Base64. */
  readonly oldSigningKeys: readonly { readonly keyId: string; readonly publicKey: string; readonly expiredTs: number }[]
  /** Servers whose word about other servers' signing keys is believed where those cannot be asked themselves. */
  readonly notaries: readonly string[]
  /** Public signing keys in unpadded Base64 that are known to have leaked. */
  readonly deniedKeys: ReadonlySet<string>
  readonly userLookups: UserLookups
  /** Whether other servers are told what users call their devices. */
  readonly federateDeviceNames: boolean
  readonly media: MediaConfig
  /** Servers through which calls go where there is no direct way; `undefined`: none. */
  readonly turn: TurnConfig | undefined
  readonly controlToken: string | undefined
  /**
   * Which header the request's origin address is believed from: the edge's own on Cloudflare; self-hosted, the last entry of
   * `X-Forwarded-For` where only a reverse proxy can reach the plain port, else nothing.
   */
  readonly clientAddressSource: 'cf-connecting-ip' | 'x-forwarded-for' | 'none'
}

/** Every problem of a configuration at once. */
export class ConfigError extends Error {
  readonly problems: readonly string[]
  constructor(problems: readonly string[]) {
    super(`Invalid configuration:\n${problems.map((problem) => `  - ${problem}`).join('\n')}`)
    this.name = 'ConfigError'
    this.problems = problems
  }
}

/** String variables by name. */
export type Variables = Readonly<Record<string, unknown>>

function choice<T extends string>(vars: Variables, name: string, options: readonly T[], fallback: T, problems: string[]): T {
  const value = vars[name]
  if (value === undefined || value === '') return fallback
  const found = options.find((option) => option === value)
  if (found === undefined) problems.push(`${name} is ${JSON.stringify(value)}; it must be one of ${options.join(', ')}`)
  return found ?? fallback
}

function text(vars: Variables, name: string): string | undefined {
  const value = vars[name]
  return typeof value === 'string' && value !== '' ? value : undefined
}

function decodeBase64(value: string): Uint8Array | undefined {
  const digits = value.replace(/=+$/, '').length
  // A remainder of one digit holds less than a byte, which atob would throw for.
  if (!/^[A-Za-z0-9+/_-]*={0,2}$/.test(value) || digits % 4 === 1) return undefined
  const binary = atob(value.replaceAll('-', '+').replaceAll('_', '/').replace(/=+$/, ''))
  return Uint8Array.from(binary, (char) => char.charCodeAt(0))
}

const SERVER_NAME = /^(?:[A-Za-z0-9.-]{1,230}|\[[0-9A-Fa-f:.]{2,45}\])(?::\d{1,5})?$/
/** Versions of rooms that this server creates and joins. */
export const SUPPORTED_ROOM_VERSIONS = ['1', '2', '3', '4', '5', '6', '7', '8', '9', '10', '11', '12'] as const
/** The same, with versions of proposals, which are never the default. */
export const USABLE_ROOM_VERSIONS: readonly string[] = [...SUPPORTED_ROOM_VERSIONS, ...UNSTABLE_ROOM_VERSIONS]
const CLIENT_ADDRESS_SOURCES = ['cf-connecting-ip', 'x-forwarded-for', 'none'] as const
/** Shortest registration shared secret that is accepted, in characters. */
const MIN_SHARED_SECRET = 10

/** Entries of a comma-separated variable. */
function list(vars: Variables, name: string): string[] {
  return (text(vars, name) ?? '')
    .split(',')
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '')
}

const KEY_BYTES = 32

function oldSigningKeys(vars: Variables, problems: string[]): Config['oldSigningKeys'] {
  return list(vars, 'MYELIN_OLD_SIGNING_KEYS').flatMap((entry) => {
    const [keyId = '', key = '', expiredTs = ''] = entry.split(/\s+/)
    const publicKey = key.replace(/=+$/, '')
    if (/^ed25519:\w+$/.test(keyId) && decodeBase64(publicKey)?.length === KEY_BYTES && /^\d{1,15}$/.test(expiredTs)) {
      return [{ keyId, publicKey, expiredTs: Number(expiredTs) }]
    }
    problems.push('MYELIN_OLD_SIGNING_KEYS must list "ed25519:<version> <public key in Base64> <end in milliseconds>", separated by commas')
    return []
  })
}

function serverNames(vars: Variables, name: string, problems: string[]): string[] {
  const names = list(vars, name)
  for (const entry of names) if (!SERVER_NAME.test(entry)) problems.push(`${name} has ${JSON.stringify(entry)}, which is not a server name`)
  return names
}

function publicKeys(vars: Variables, name: string, problems: string[]): ReadonlySet<string> {
  const keys = list(vars, name).map((entry) => entry.replace(/=+$/, ''))
  if (keys.some((key) => decodeBase64(key)?.length !== KEY_BYTES)) problems.push(`${name} must list public keys of 32 bytes in Base64`)
  return new Set(keys)
}

function turnConfig(vars: Variables, problems: string[]): TurnConfig | undefined {
  const uris = list(vars, 'MYELIN_TURN_URIS')
  const secret = text(vars, 'MYELIN_TURN_SECRET')
  if (uris.some((uri) => !/^turns?:[^\s?]+(?:\?transport=(?:udp|tcp))?$/.test(uri)))
    problems.push('MYELIN_TURN_URIS must list URIs such as "turn:turn.example.org?transport=udp", separated by commas')
  if (uris.length > 0 !== (secret !== undefined)) problems.push('MYELIN_TURN_URIS and MYELIN_TURN_SECRET belong together')
  return uris.length === 0 || secret === undefined ? undefined : { uris, secret }
}

/** Parses the variables that the Worker reads. Throws {@link ConfigError} with every problem found. */
export function parseConfig(vars: Variables): Config {
  const problems: string[] = []
  const serverName = text(vars, 'MYELIN_SERVER_NAME') ?? 'localhost:8448'
  const serverPort = /:(\d+)$/.exec(serverName)?.[1]
  if (!SERVER_NAME.test(serverName) || Number(serverPort ?? 0) > 65535) {
    problems.push(`MYELIN_SERVER_NAME is ${JSON.stringify(serverName)}, which is not a server name`)
  }
  const publicUrl = (text(vars, 'MYELIN_PUBLIC_URL') ?? `https://${serverName}`).replace(/\/+$/, '')
  if (!/^https?:\/\/[^/]+/.test(publicUrl)) problems.push('MYELIN_PUBLIC_URL must be an http or https URL')
  const sharedSecret = text(vars, 'MYELIN_REGISTRATION_SHARED_SECRET')
  if (sharedSecret !== undefined && sharedSecret.length < MIN_SHARED_SECRET) {
    problems.push(`MYELIN_REGISTRATION_SHARED_SECRET must have at least ${MIN_SHARED_SECRET} characters`)
  }
  const secret = decodeBase64(text(vars, 'MYELIN_SECRET') ?? '')
  if (secret === undefined || secret.length < 32) problems.push('MYELIN_SECRET must be at least 32 bytes of Base64')
  const [algorithm, version, seedText] = (text(vars, 'MYELIN_SIGNING_KEY') ?? '').split(' ')
  const seed = decodeBase64(seedText ?? '')
  if (algorithm !== 'ed25519' || version === undefined || !/^\w+$/.test(version) || seed?.length !== 32) {
    problems.push('MYELIN_SIGNING_KEY must be "ed25519 <version> <unpadded Base64 of a 32-byte seed>"')
  }
  const config: Config = {
    serverName,
    publicUrl,
    registration: choice(vars, 'MYELIN_REGISTRATION', ['closed', 'token', 'open'], 'closed', problems),
    registrationSharedSecret: sharedSecret,
    defaultRoomVersion: choice(vars, 'MYELIN_DEFAULT_ROOM_VERSION', SUPPORTED_ROOM_VERSIONS, '12', problems),
    rateLimits: choice(vars, 'MYELIN_RATE_LIMITS', ['on', 'off'], 'on', problems) === 'on',
    allowPrivateNetwork: choice(vars, 'MYELIN_ALLOW_PRIVATE_NETWORK', ['off', 'on'], 'off', problems) === 'on',
    turn: turnConfig(vars, problems),
    isolates: choice(vars, 'MYELIN_ISOLATES', ['many', 'one'], 'many', problems),
    threadSubscriptions: choice(vars, 'MYELIN_THREAD_SUBSCRIPTIONS', ['off', 'on'], 'off', problems) === 'on',
    presence: choice(vars, 'MYELIN_PRESENCE', ['off', 'on'], 'off', problems) === 'on',
    oauth: choice(vars, 'MYELIN_OAUTH', ['on', 'off'], 'on', problems) === 'on',
    passwordLogin: choice(vars, 'MYELIN_PASSWORD_LOGIN', ['on', 'off'], 'on', problems) === 'on',
    logLevel: choice(vars, 'MYELIN_LOG', ['debug', 'info', 'warn', 'error'], 'info', problems),
    secret: secret ?? new Uint8Array(32),
    signingKey: { keyId: `ed25519:${version ?? ''}`, seed: seed ?? new Uint8Array(32) },
    oldSigningKeys: oldSigningKeys(vars, problems),
    notaries: serverNames(vars, 'MYELIN_NOTARIES', problems),
    deniedKeys: publicKeys(vars, 'MYELIN_DENIED_KEYS', problems),
    userLookups: choice(vars, 'MYELIN_USER_LOOKUPS', ['anyone', 'shared-rooms'], 'anyone', problems),
    federateDeviceNames: choice(vars, 'MYELIN_FEDERATE_DEVICE_NAMES', ['off', 'on'], 'off', problems) === 'on',
    media: mediaConfig(vars, problems),
    controlToken: text(vars, 'MYELIN_CONTROL_TOKEN'),
    clientAddressSource: choice(vars, 'MYELIN_CLIENT_ADDRESS', CLIENT_ADDRESS_SOURCES, 'cf-connecting-ip', problems),
  }
  if (!config.oauth && !config.passwordLogin) problems.push('With MYELIN_OAUTH and MYELIN_PASSWORD_LOGIN off nobody could log in')
  if (problems.length > 0) throw new ConfigError(problems)
  return Object.freeze(config)
}

const parsed = new WeakMap<object, Config>()

/** The configuration that an environment holds; parsed on first use, the same object afterwards. */
export function configOf(env: object): Config {
  let config = parsed.get(env)
  if (config === undefined) {
    config = parseConfig({ ...env })
    parsed.set(env, config)
  }
  return config
}
