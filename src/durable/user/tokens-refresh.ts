import { unknownToken } from '../../matrix/errors.ts'
import { mintToken, successorToken, tokenHash } from '../../runtime/access-token.ts'
import { nowMs } from '../../runtime/clock.ts'
import {
  confirmAccessTokenReplacing,
  deleteAccessTokens,
  expireAccessTokens,
  pruneAccessTokens,
  upsertAccessToken,
} from '../../storage/user/access-tokens.ts'
import { deleteOAuthGrant, readOAuthGrant } from '../../storage/user/oauth-grants.ts'
import {
  consumeRefreshToken,
  deleteRefreshTokens,
  insertRefreshToken,
  pruneRefreshTokens,
  readRefreshToken,
} from '../../storage/user/refresh-tokens.ts'
import { forgetPushersOf } from './push/pushers.ts'
import { refusalOf } from './standing.ts'
import type { UserCore } from './user-core.ts'

/** How long an access token lives whose client can refresh it. One without a refresh token does not expire. */
export const REFRESHABLE_LIFETIME_MS = 15 * 60 * 1000
/** Spent tokens remembered per device: expired ones for soft logout, consumed ones for detecting reuse. */
const KEEP_SPENT_TOKENS = 16

/** Tokens for a client, as `/register`, `/login` and `/refresh` answer them. */
export interface IssuedTokens {
  readonly accessToken: string
  readonly refreshToken: string | undefined
  readonly expiresInMs: number | undefined
}

/** New tokens for a device, which loses those it had. Call it in a transaction. */
export function issueTokens(core: UserCore, deviceId: string, refreshable: boolean, now: number): IssuedTokens {
  revokeTokens(core, deviceId)
  const accessToken = mintToken(core.config, 'access', core.localpart)
  const refreshToken = refreshable ? mintToken(core.config, 'refresh', core.localpart) : undefined
  const expiresInMs = refreshable ? REFRESHABLE_LIFETIME_MS : undefined
  const expiresTs = expiresInMs === undefined ? undefined : now + expiresInMs
  upsertAccessToken(core.store, { tokenHash: tokenHash(core.config, accessToken), deviceId, expiresTs, replaces: undefined }, now)
  if (refreshToken !== undefined) insertRefreshToken(core.store, tokenHash(core.config, refreshToken), deviceId, undefined, now)
  return { accessToken, refreshToken, expiresInMs }
}

/** Removes every token of a device, what its client was granted, and the pushers that they set (SECURITY A3, D10). Call it in a transaction. */
export function revokeTokens(core: UserCore, deviceId: string): void {
  deleteAccessTokens(core.store, deviceId)
  deleteRefreshTokens(core.store, deviceId)
  deleteOAuthGrant(core.store, deviceId)
  forgetPushersOf(core, deviceId)
  core.admitted.clear()
}

/**
 * Exchanges a refresh token for the next pair (client-server-api#refreshing-access-tokens, SECURITY A4). The pair is a function of the token: a
 * client that asks again because the answer was lost, or that asks twice at once, gets the same one. The old token is consumed by the first
 * use of either new one; when it is shown after that, somebody else holds a copy, and the session ends.
 * @param clientId the OAuth client that asks; none for the older API, whose tokens are no OAuth client's (SECURITY A5).
 * @throws MatrixError M_UNKNOWN_TOKEN, M_USER_LOCKED.
 */
export function refreshTokens(core: UserCore, refreshToken: string, requestId: string, clientId?: string): IssuedTokens {
  const now = nowMs()
  const oldHash = tokenHash(core.config, refreshToken)
  const row = core.store.exists() ? readRefreshToken(core.store, oldHash) : undefined
  if (row === undefined || readOAuthGrant(core.store, row.deviceId)?.clientId !== clientId) throw unknownToken()
  const locked = refusalOf(core, 'unlocked')
  if (locked !== undefined) throw locked
  const { deviceId, replaces } = row
  if (row.consumed) {
    core.store.transaction(requestId, () => {
      expireAccessTokens(core.store, deviceId, undefined, now)
      deleteRefreshTokens(core.store, deviceId)
      forgetPushersOf(core, deviceId)
    })
    core.admitted.clear()
    throw unknownToken(true)
  }
  const accessToken = successorToken(core.config, 'access', core.localpart, refreshToken)
  const nextRefreshToken = successorToken(core.config, 'refresh', core.localpart, refreshToken)
  core.store.transaction(requestId, () => {
    if (replaces !== undefined) {
      const current = confirmAccessTokenReplacing(core.store, replaces)
      consumePredecessor(core, deviceId, replaces, current, now)
    }
    const expiresTs = now + REFRESHABLE_LIFETIME_MS
    upsertAccessToken(core.store, { tokenHash: tokenHash(core.config, accessToken), deviceId, expiresTs, replaces: oldHash }, now)
    insertRefreshToken(core.store, tokenHash(core.config, nextRefreshToken), deviceId, oldHash, now)
  })
  return { accessToken, refreshToken: nextRefreshToken, expiresInMs: REFRESHABLE_LIFETIME_MS }
}

/** A successor has been used: the refresh token before it is spent, and every access token but the current one expires. In a transaction. */
export function consumePredecessor(core: UserCore, deviceId: string, refreshHash: string, keepHash: string | undefined, now: number): void {
  consumeRefreshToken(core.store, refreshHash)
  expireAccessTokens(core.store, deviceId, keepHash, now)
  pruneAccessTokens(core.store, deviceId, KEEP_SPENT_TOKENS, now)
  pruneRefreshTokens(core.store, deviceId, KEEP_SPENT_TOKENS)
  core.admitted.clear()
}
