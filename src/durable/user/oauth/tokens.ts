import { tokenHash } from '../../../runtime/access-token.ts'
import { readAccessToken } from '../../../storage/user/access-tokens.ts'
import { readOAuthGrant } from '../../../storage/user/oauth-grants.ts'
import { readRefreshToken } from '../../../storage/user/refresh-tokens.ts'
import { removeDevices } from '../devices.ts'
import { refreshTokens } from '../tokens-refresh.ts'
import type { UserCore } from '../user-core.ts'
import type { OAuthTokens } from './codes.ts'

/**
 * Exchanges a client's refresh token for the next pair (client-server-api#refresh-token-grant, SECURITY A4), with the scope that it had (O7).
 * @throws MatrixError M_UNKNOWN_TOKEN, also for a token of another client; M_USER_LOCKED.
 */
export function refreshGrant(core: UserCore, refreshToken: string, clientId: string, requestId: string): OAuthTokens {
  const row = core.store.exists() ? readRefreshToken(core.store, tokenHash(core.config, refreshToken)) : undefined
  const grant = row && readOAuthGrant(core.store, row.deviceId)
  const tokens = refreshTokens(core, refreshToken, requestId, clientId)
  return { ...tokens, scope: grant?.scope ?? '' }
}

/**
 * Ends the session that a token belongs to: the device with both of its tokens (client-server-api#token-revocation). Whoever holds a token may
 * revoke it. One that is not valid is no error.
 */
export function revokeToken(core: UserCore, token: string, requestId: string): void {
  if (!core.store.exists()) return
  const hash = tokenHash(core.config, token)
  const deviceId = readAccessToken(core.store, hash)?.deviceId ?? readRefreshToken(core.store, hash)?.deviceId
  if (deviceId === undefined) return
  core.store.transaction(requestId, () => removeDevices(core, [deviceId]))
}
