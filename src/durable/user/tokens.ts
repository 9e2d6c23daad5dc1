import type { RateLimitClass, StandingNeeded } from '../../http/context.ts'
import { USER_LIMITS } from '../../http/rate-limit.ts'
import { limitExceeded, unknownToken } from '../../matrix/errors.ts'
import { tokenHash } from '../../runtime/access-token.ts'
import { nowMs } from '../../runtime/clock.ts'
import { confirmAccessToken, readAccessToken } from '../../storage/user/access-tokens.ts'
import type { Admission, Requester } from './session-base.ts'
import { refusalOf, standingOf } from './standing.ts'
import type { AdmittedToken } from './tokens-admitted.ts'
import { consumePredecessor } from './tokens-refresh.ts'
import type { UserCore } from './user-core.ts'

/** What opens a session. The Worker has checked an access token's MAC before it calls. */
export interface AccessTokenCredential {
  readonly kind: 'access_token'
  readonly token: string
  readonly requestId: string
  /** Class of limit that the request counts against. */
  readonly rateLimit: RateLimitClass
  /** What the account must be for the request. */
  readonly standing: StandingNeeded
  /** Address of the client, shown to the user in their list of devices. */
  readonly clientAddress: string
}

/** Every kind of credential. */
export type Credential = AccessTokenCredential

/** Decides whether a credential opens a session (SECURITY A3): valid now, and within the user's limits. */
export function admit(core: UserCore, credential: Credential): Admission {
  const now = nowMs()
  const token = core.admitted.get(credential.token) ?? lookUp(core, credential, now)
  if (token === undefined) return { admitted: false, error: unknownToken() }
  if (token.expiresTs !== undefined && token.expiresTs <= now) return { admitted: false, error: unknownToken(true) }
  const refused = refusalOf(core, credential.standing)
  if (refused !== undefined) return { admitted: false, error: refused }
  const limit = core.config.rateLimits ? USER_LIMITS[credential.rateLimit] : undefined
  const waitMs = limit === undefined ? 0 : core.buckets.take(credential.rateLimit, limit, now)
  if (waitMs > 0) return { admitted: false, error: limitExceeded(waitMs) }
  if (credential.rateLimit === 'message' || credential.rateLimit === 'ephemeral') core.presence?.active(token.deviceId)
  core.lastSeen.set(token.deviceId, { seenTs: now, address: credential.clientAddress })
  return { admitted: true, requester: requester(core, token.deviceId, credential.requestId) }
}

function requester(core: UserCore, deviceId: string, requestId: string): Requester {
  const { suspended } = standingOf(core)
  return { userId: core.userId, deviceId, requestId, ...(suspended && { suspended }) }
}

/** A token that this object has not seen since it woke. Its first use ever consumes the refresh token that it was made from. */
function lookUp(core: UserCore, credential: Credential, now: number): AdmittedToken | undefined {
  if (!core.store.exists()) return undefined
  const row = readAccessToken(core.store, tokenHash(core.config, credential.token))
  if (row === undefined) return undefined
  const { replaces } = row
  if (replaces !== undefined && (row.expiresTs === undefined || row.expiresTs > now)) {
    core.store.transaction(credential.requestId, () => {
      confirmAccessToken(core.store, row.tokenHash)
      consumePredecessor(core, row.deviceId, replaces, row.tokenHash, now)
    })
  }
  const admitted = { deviceId: row.deviceId, expiresTs: row.expiresTs }
  core.admitted.set(credential.token, admitted)
  return admitted
}
