import { createHmac } from 'node:crypto'
import { deriveKey } from '../../runtime/access-token.ts'
import { nowMs } from '../../runtime/clock.ts'
import type { Config } from '../../runtime/config.ts'
import { constantTimeEqual } from '../../runtime/constant-time.ts'
import { randomString } from '../../runtime/random.ts'

/*
 * Sessions of user-interactive authentication for registration, where there is no account yet that could keep them: the session ID carries
 * what it is bound to and a MAC. Nothing is stored, so nobody can fill anything by asking. What may happen only once (taking a name, using a
 * registration token) is decided atomically by the registry.
 */

/** How long a registration may take. */
const LIFETIME_MS = 15 * 60 * 1000
const MAX_SESSION_CHARS = 1_000
const NONCE_CHARS = 16

function macOf(config: Config, text: string): string {
  return createHmac('sha256', deriveKey(config, 'registration-session/1')).update(text).digest('base64url')
}

/** A new session ID, bound to the user name that the request asked for, if any. */
export function beginRegistration(config: Config, username: string | undefined): string {
  const payload = Buffer.from(JSON.stringify([nowMs(), username ?? null, randomString(NONCE_CHARS)]), 'utf8').toString('base64url')
  return `${payload}.${macOf(config, payload)}`
}

/**
 * Whether a session was begun here, lately, and for this user name. One begun without a name fits any: clients ask which stages there are
 * before the user has chosen one.
 */
export function continuesRegistration(config: Config, session: string, username: string | undefined): boolean {
  if (session.length > MAX_SESSION_CHARS) return false
  const [payload = '', mac = ''] = session.split('.')
  if (!constantTimeEqual(mac, macOf(config, payload))) return false
  const decoded: unknown = JSON.parse(Buffer.from(payload, 'base64url').toString('utf8'))
  if (!Array.isArray(decoded) || typeof decoded[0] !== 'number' || nowMs() - decoded[0] > LIFETIME_MS) return false
  return decoded[1] === null || decoded[1] === username
}
