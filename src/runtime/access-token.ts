import { createHmac } from 'node:crypto'
import type { Config } from './config.ts'
import { constantTimeEqual } from './constant-time.ts'
import { randomString } from './random.ts'

/*
 * Tokens name their account and carry a truncated MAC, so that the Worker knows whose they are, and that this server made them, before it wakes
 * anything: `mya_<localpart in Base64url>_<24 random letters and digits>_<16 characters of MAC>`. The MAC is a filter against invented tokens;
 * whether a token is valid is decided by the account's own object, which stores a keyed hash of it.
 */

/**
 * What a token is for: `delay` names a delayed event, `code` is an authorization code, `browser` the cookie of the server's own pages. The
 * prefix says it, and the MAC covers the prefix.
 */
export type TokenKind = 'access' | 'refresh' | 'delay' | 'code' | 'browser'

const PREFIXES: Readonly<Record<TokenKind, string>> = { access: 'mya_', refresh: 'myr_', delay: 'myd_', code: 'myc_', browser: 'myb_' }
const KINDS: readonly TokenKind[] = ['access', 'refresh', 'delay', 'code', 'browser']
const PREFIX_CHARS = 4
/** 24 characters over letters and digits: 142 bits. */
const RANDOM_CHARS = 24
/** 96 bits in Base64url. */
const MAC_CHARS = 16
/** A localpart has at most 255 bytes, 340 characters in Base64url. */
const MAX_TOKEN_CHARS = 400
const TAIL_CHARS = RANDOM_CHARS + MAC_CHARS + 2

/** What a token says about itself once its MAC has been checked. */
export interface TokenClaims {
  readonly kind: TokenKind
  readonly localpart: string
}

interface TokenKeys {
  readonly mac: Buffer
  readonly storage: Buffer
  readonly successor: Buffer
  /** Tokens whose MAC was found right, which it then is for ever: saves hashing on every request. */
  readonly read: Map<string, TokenClaims>
}

/** Tokens remembered per isolate; the one read longest ago is forgotten first. */
const MAX_READ_TOKENS = 4_096

const keysByConfig = new WeakMap<Config, TokenKeys>()

/** A key for one purpose, derived from the master secret. */
export function deriveKey(config: Config, label: string): Buffer {
  return createHmac('sha256', config.secret).update(`myelin/${label}`).digest()
}

function keysOf(config: Config): TokenKeys {
  let keys = keysByConfig.get(config)
  if (keys === undefined) {
    keys = {
      mac: deriveKey(config, 'token-mac/1'),
      storage: deriveKey(config, 'token-storage/1'),
      successor: deriveKey(config, 'token-successor/1'),
      read: new Map(),
    }
    keysByConfig.set(config, keys)
  }
  return keys
}

function macOf(keys: TokenKeys, signed: string): string {
  return createHmac('sha256', keys.mac).update(signed).digest('base64url').slice(0, MAC_CHARS)
}

function assemble(keys: TokenKeys, kind: TokenKind, localpart: string, random: string): string {
  const signed = `${PREFIXES[kind]}${Buffer.from(localpart, 'utf8').toString('base64url')}_${random}`
  return `${signed}_${macOf(keys, signed)}`
}

/** A new token for the account with this localpart. */
export function mintToken(config: Config, kind: TokenKind, localpart: string): string {
  return assemble(keysOf(config), kind, localpart, randomString(RANDOM_CHARS))
}

/**
 * The token that follows a refresh token. Always the same one for the same predecessor, so that a client that never received the answer,
 * or asks twice at once, gets the same pair again instead of losing its session.
 */
export function successorToken(config: Config, kind: TokenKind, localpart: string, predecessor: string): string {
  const keys = keysOf(config)
  // Letters and digits only, like any other token; what Base64url has beyond them is mapped, which costs a fraction of a bit.
  const digest = createHmac('sha256', keys.successor).update(`${kind}/${predecessor}`).digest('base64url')
  const random = digest.replaceAll('-', 'A').replaceAll('_', 'B').slice(0, RANDOM_CHARS)
  return assemble(keys, kind, localpart, random)
}

/** Who a token belongs to, or `undefined` if this server never made it. Does not say whether it is still valid. */
export function readToken(config: Config, token: string): TokenClaims | undefined {
  const keys = keysOf(config)
  const known = keys.read.get(token)
  if (known !== undefined) return known
  const claims = checkToken(keys, token)
  if (claims === undefined) return undefined
  keys.read.set(token, claims)
  if (keys.read.size > MAX_READ_TOKENS) {
    const oldest = keys.read.keys().next()
    if (!oldest.done) keys.read.delete(oldest.value)
  }
  return claims
}

function checkToken(keys: TokenKeys, token: string): TokenClaims | undefined {
  if (token.length > MAX_TOKEN_CHARS || token.length <= PREFIX_CHARS + TAIL_CHARS) return undefined
  const kind = KINDS.find((one) => token.startsWith(PREFIXES[one]))
  if (kind === undefined) return undefined
  const macStart = token.length - MAC_CHARS
  const signed = token.slice(0, macStart - 1)
  if (token[macStart - 1] !== '_' || !constantTimeEqual(token.slice(macStart), macOf(keys, signed))) return undefined
  return { kind, localpart: Buffer.from(token.slice(PREFIX_CHARS, token.length - TAIL_CHARS), 'base64url').toString('utf8') }
}

/** The keyed hash under which a token is stored: 43 characters of Base64url. */
export function tokenHash(config: Config, token: string): string {
  return createHmac('sha256', keysOf(config).storage).update(token).digest('base64url')
}
