import type { RequestContext } from '../../../domain/context.ts'
import type { LoggedIn } from '../../../durable/user/devices.ts'
import type { IssuedTokens } from '../../../durable/user/tokens-refresh.ts'
import type { JsonObject } from '../../../matrix/json.ts'

/** Tokens as `/register`, `/login` and `/refresh` answer them. */
export function tokensResponse(tokens: IssuedTokens): JsonObject {
  return { access_token: tokens.accessToken, refresh_token: tokens.refreshToken, expires_in_ms: tokens.expiresInMs }
}

/** A new session as `/register` and `/login` answer it; without one, only the account. */
export function sessionResponse(ctx: RequestContext, userId: string, session: LoggedIn | undefined): JsonObject {
  const account = { user_id: userId, home_server: ctx.config.serverName }
  return session === undefined ? account : { ...account, device_id: session.deviceId, ...tokensResponse(session) }
}
