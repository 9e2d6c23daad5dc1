import { createHmac } from 'node:crypto'
import { forbidden, invalidParam, MatrixError, unrecognized } from '../../matrix/errors.ts'
import { deriveKey } from '../../runtime/access-token.ts'
import { nowMs } from '../../runtime/clock.ts'
import type { Config } from '../../runtime/config.ts'
import { constantTimeEqual } from '../../runtime/constant-time.ts'
import { randomString } from '../../runtime/random.ts'
import type { RequestContext } from '../context.ts'
import { type CreatedAccount, createAccount } from './create-account.ts'
import { newLocalpart } from './localparts.ts'

/** How long a nonce can be used. A request cannot be replayed within that time either, since its user name is taken then. */
const NONCE_LIFETIME_MS = 60_000
const NONCE_CHARS = 16

/** A registration signed with the shared secret, as Synapse's tools send it. */
export interface SignedRegistration {
  readonly nonce: string
  readonly username: string
  readonly password: string
  readonly isAdmin: boolean
  readonly userType: string | undefined
  /** Hexadecimal HMAC-SHA1. */
  readonly mac: string
  readonly displayName: string | undefined
  readonly clientAddress: string
}

function requireSecret(config: Config): string {
  if (config.registrationSharedSecret === undefined) throw unrecognized('Shared secret registration is not enabled')
  return config.registrationSharedSecret
}

function nonceMac(config: Config, payload: string): string {
  return createHmac('sha256', deriveKey(config, 'registration-nonce/1')).update(payload).digest('hex')
}

/** A nonce to sign. It carries its time and a MAC, so nothing is stored. @throws MatrixError M_UNRECOGNIZED where no secret is configured. */
export function registrationNonce(config: Config): string {
  requireSecret(config)
  const payload = `${nowMs().toString(36)}.${randomString(NONCE_CHARS)}`
  return `${payload}.${nonceMac(config, payload)}`
}

function isFresh(config: Config, nonce: string): boolean {
  const end = nonce.lastIndexOf('.')
  if (end < 0 || !constantTimeEqual(nonce.slice(end + 1), nonceMac(config, nonce.slice(0, end)))) return false
  return nowMs() - Number.parseInt(nonce.slice(0, nonce.indexOf('.')), 36) <= NONCE_LIFETIME_MS
}

/**
 * Creates an account for whoever holds the shared secret, also while registration is closed. @throws MatrixError M_UNRECOGNIZED, M_FORBIDDEN,
 * M_INVALID_USERNAME, M_USER_IN_USE.
 */
export async function registerWithSharedSecret(ctx: RequestContext, request: SignedRegistration): Promise<CreatedAccount> {
  const secret = requireSecret(ctx.config)
  const { username, password, isAdmin, userType } = request
  if (username.includes('\0') || password.includes('\0')) throw invalidParam('User name and password must not contain NUL')
  const parts = [request.nonce, username, password, isAdmin ? 'admin' : 'notadmin', ...(userType === undefined ? [] : [userType])]
  const expected = createHmac('sha1', secret).update(parts.join('\0'), 'utf8').digest('hex')
  if (!constantTimeEqual(request.mac.toLowerCase(), expected)) throw forbidden('HMAC incorrect')
  if (!isFresh(ctx.config, request.nonce)) throw new MatrixError(400, 'M_UNKNOWN', 'unrecognised nonce')
  const device = { deviceId: undefined, displayName: undefined, refreshable: false, clientAddress: request.clientAddress }
  return createAccount(ctx, { localpart: newLocalpart(ctx.config, username), password, isAdmin, device, displayName: request.displayName })
}
