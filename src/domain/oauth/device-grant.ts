import type { OAuthTokens } from '../../durable/user/oauth/codes.ts'
import { Buckets } from '../../http/rate-limit.ts'
import { limitExceeded } from '../../matrix/errors.ts'
import { tokenHash } from '../../runtime/access-token.ts'
import { nowMs } from '../../runtime/clock.ts'
import type { Config } from '../../runtime/config.ts'
import { unwrap } from '../../runtime/outcome.ts'
import { randomBytes, randomString } from '../../runtime/random.ts'
import {
  type DeviceGrantRow,
  decideDeviceGrant,
  deleteDeviceGrant,
  findPendingDeviceGrant,
  insertDeviceGrant,
  pollDeviceGrantRow,
} from '../../storage/d1/oauth-device-grants.ts'
import { localUserId } from '../accounts/localparts.ts'
import type { RequestContext } from '../context.ts'
import { grantFor } from './authorize.ts'
import type { LoggedInBrowser } from './browser.ts'
import { findClient, keepClient, type OAuthClient } from './clients.ts'
import { OAuthError } from './oauth-error.ts'
import { type LoginScope, parseScope } from './scope.ts'

/*
 * The device authorization grant (RFC 8628, client-server-api#device-authorisation-grant, SECURITY A10): somebody without a browser shows a short code,
 * its owner types it into a browser where they are logged in. Until then it belongs to no account, so it waits in the registry; once approved,
 * the account's object lets it be used once.
 */

/** How long the user may take. */
const LIFETIME_MS = 15 * 60 * 1000
const INTERVAL_MS = 5_000
/** What each poll that comes too soon adds to the interval (RFC 8628 section 3.5). */
const SLOW_DOWN_MS = 5_000
const DEVICE_CODE_CHARS = 43
const DEVICE_CODE = /^[A-Za-z0-9]{43}$/
/** Consonants that are told apart easily: no words, no zeros and Os. Twenty of them eight times are 34 bits. */
const LETTERS = 'BCDFGHJKLMNPQRSTVWXZ'
const USER_CODE_CHARS = 8
/** Attempts at a user code, by account. */
const USER_CODE_ATTEMPTS = { burst: 10, perSecond: 1 / 30 }
const attempts = new Buckets()

/** What a client shows its user, and what it polls with. */
export interface BegunDeviceGrant {
  readonly deviceCode: string
  readonly userCode: string
  readonly lifetimeMs: number
  readonly intervalMs: number
}

function newUserCode(): string {
  let code = ''
  while (code.length < USER_CODE_CHARS) {
    // 240 = 12 × 20: bytes above it would make some letters likelier.
    for (const byte of randomBytes(USER_CODE_CHARS)) if (byte < 240 && code.length < USER_CODE_CHARS) code += LETTERS[byte % LETTERS.length]
  }
  return code
}

/** A user code as it was meant: without what people put between the letters. `undefined` if it cannot be one. */
function normalized(userCode: string): string | undefined {
  const letters = userCode.toUpperCase().replaceAll(/[^A-Z]/g, '')
  return letters.length === USER_CODE_CHARS ? letters : undefined
}

function userCodeHash(config: Config, userCode: string): string {
  return tokenHash(config, `user-code/${userCode}`)
}

/** Begins a device authorization. @throws OAuthError. */
export async function beginDeviceGrant(ctx: RequestContext, clientId: string, scopeText: string | undefined): Promise<BegunDeviceGrant> {
  const client = await findClient(ctx, clientId)
  if (client === undefined) throw new OAuthError(401, 'invalid_client', 'The client is not registered')
  if (!client.metadata.grant_types.includes('urn:ietf:params:oauth:grant-type:device_code')) {
    throw new OAuthError(400, 'unauthorized_client', 'The client is not registered for this grant')
  }
  const scope = parseScope(scopeText)
  if (scope === undefined) throw new OAuthError(400, 'invalid_scope', 'The scope must be the whole client API and one device')
  const deviceCode = randomString(DEVICE_CODE_CHARS)
  const userCode = newUserCode()
  const now = nowMs()
  const begun = await insertDeviceGrant(ctx.registry, {
    deviceCodeHash: tokenHash(ctx.config, deviceCode),
    userCodeHash: userCodeHash(ctx.config, userCode),
    clientId,
    scope: scope.granted,
    clientAddress: ctx.clientAddress,
    createdTs: now,
    expiresTs: now + LIFETIME_MS,
    // The first poll may come at once.
    polledTs: 0,
    intervalMs: INTERVAL_MS,
  })
  if (!begun) throw limitExceeded(INTERVAL_MS)
  return { deviceCode, userCode: `${userCode.slice(0, 4)}-${userCode.slice(4)}`, lifetimeMs: LIFETIME_MS, intervalMs: INTERVAL_MS }
}

/** A client asks whether its user has decided. @throws OAuthError authorization_pending, slow_down, access_denied, expired_token, invalid_grant. */
export async function pollDeviceGrant(ctx: RequestContext, deviceCode: string, clientId: string): Promise<OAuthTokens> {
  const deviceCodeHash = tokenHash(ctx.config, deviceCode)
  const now = nowMs()
  const polled = DEVICE_CODE.test(deviceCode) ? await pollDeviceGrantRow(ctx.registry, deviceCodeHash, now, SLOW_DOWN_MS) : undefined
  if (polled === undefined || polled.grant.clientId !== clientId) throw new OAuthError(400, 'invalid_grant', 'The device code is unknown')
  const { grant, tooSoon } = polled
  if (grant.expiresTs <= now) throw new OAuthError(400, 'expired_token', 'The device code has expired')
  if (tooSoon) throw new OAuthError(400, 'slow_down', 'Poll less often')
  if (grant.state === 'denied') {
    await deleteDeviceGrant(ctx.registry, deviceCodeHash)
    throw new OAuthError(400, 'access_denied', 'The user did not let the client in')
  }
  if (grant.state === 'pending' || grant.localpart === undefined) {
    throw new OAuthError(400, 'authorization_pending', 'The user has not decided yet')
  }
  const redemption = { codeHash: deviceCodeHash, clientId, proof: undefined, clientAddress: ctx.clientAddress }
  const tokens = unwrap(await ctx.objects.user(localUserId(ctx.config, grant.localpart)).redeemCode(redemption, ctx.requestId))
  if (tokens === undefined) throw new OAuthError(400, 'invalid_grant', 'The device code has been used')
  return tokens
}

/** A device authorization as its user is asked about it. */
export interface PendingDeviceGrant {
  readonly row: DeviceGrantRow
  readonly client: OAuthClient
  readonly scope: LoginScope
}

/** The device authorization of a code that a user typed. @throws MatrixError M_LIMIT_EXCEEDED after too many attempts. */
export async function findDeviceGrant(
  ctx: RequestContext,
  user: LoggedInBrowser,
  userCode: string,
): Promise<PendingDeviceGrant | undefined> {
  const waitMs = attempts.take(user.userId, USER_CODE_ATTEMPTS, nowMs())
  if (waitMs > 0 && ctx.config.rateLimits) throw limitExceeded(waitMs)
  const code = normalized(userCode)
  const row = code === undefined ? undefined : await findPendingDeviceGrant(ctx.registry, userCodeHash(ctx.config, code), nowMs())
  const client = row && (await findClient(ctx, row.clientId))
  const scope = parseScope(row?.scope)
  return row === undefined || client === undefined || scope === undefined ? undefined : { row, client, scope }
}

/** The user lets the client in, or does not. Answers whether it was still waiting. @throws MatrixError, OAuthError. */
export async function decide(ctx: RequestContext, user: LoggedInBrowser, pending: PendingDeviceGrant, allowed: boolean): Promise<boolean> {
  const { row, client, scope } = pending
  const localpart = user.userId.slice(1, user.userId.indexOf(':'))
  if (allowed) {
    await keepClient(ctx, client.clientId)
    const grant = grantFor(client, scope.granted, scope.deviceId)
    // The account comes first: what the registry calls approved can be used.
    const lifetimeMs = row.expiresTs - nowMs()
    unwrap(await ctx.objects.user(user.userId).authorizeDevice(user.cookie, row.deviceCodeHash, grant, lifetimeMs, ctx.requestId))
  }
  return await decideDeviceGrant(ctx.registry, row.deviceCodeHash, allowed ? 'approved' : 'denied', localpart, nowMs())
}
