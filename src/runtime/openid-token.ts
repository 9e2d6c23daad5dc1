import { createHmac } from 'node:crypto'
import { deriveKey } from './access-token.ts'
import type { Config } from './config.ts'
import { constantTimeEqual } from './constant-time.ts'

/** How long an OpenID token may be used, in seconds. */
export const OPENID_LIFETIME_SECONDS = 3_600

const MS_PER_SECOND = 1_000
const PREFIX = 'myo_'
/** 160 bits in Base64url. */
const MAC_CHARS = 27
/** A localpart has at most 255 bytes, 340 characters in Base64url. */
const TOKEN = /^myo_([A-Za-z0-9_-]{0,340})\.(\d{1,15})\.([A-Za-z0-9_-]{27})$/

const keys = new WeakMap<Config, Buffer>()

function macOf(config: Config, signed: string): string {
  let key = keys.get(config)
  if (key === undefined) {
    key = deriveKey(config, 'openid-token/1')
    keys.set(config, key)
  }
  return createHmac('sha256', key).update(signed).digest('base64url').slice(0, MAC_CHARS)
}

/** A token by which a third party can learn who its bearer is, and nothing else: it says so itself, under a MAC, so nothing is stored. */
export function mintOpenIdToken(config: Config, localpart: string, nowMs: number): string {
  const expires = nowMs + OPENID_LIFETIME_SECONDS * MS_PER_SECOND
  const signed = `${PREFIX}${Buffer.from(localpart, 'utf8').toString('base64url')}.${expires}`
  return `${signed}.${macOf(config, signed)}`
}

/** The localpart that a token speaks for; `undefined` if it is not ours or has expired. */
export function readOpenIdToken(config: Config, token: string, nowMs: number): string | undefined {
  const [, localpart, expires, mac] = TOKEN.exec(token) ?? []
  if (localpart === undefined || expires === undefined || mac === undefined) return undefined
  if (!constantTimeEqual(mac, macOf(config, `${PREFIX}${localpart}.${expires}`)) || Number(expires) <= nowMs) return undefined
  return Buffer.from(localpart, 'base64url').toString('utf8')
}
