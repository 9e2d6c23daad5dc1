import type { OAuthTokens } from '../../durable/user/oauth/codes.ts'
import { MatrixError } from '../../matrix/errors.ts'
import { readToken, tokenHash } from '../../runtime/access-token.ts'
import { unwrap } from '../../runtime/outcome.ts'
import { localUserId } from '../accounts/localparts.ts'
import type { RequestContext } from '../context.ts'
import { OAuthError } from './oauth-error.ts'

/** What a client shows for an authorization code. */
export interface CodeExchange {
  readonly code: string
  readonly clientId: string
  readonly redirectUri: string
  readonly codeVerifier: string
}

function badGrant(): OAuthError {
  return new OAuthError(400, 'invalid_grant', 'The grant is invalid, has been used, or is over')
}

/** Exchanges an authorization code (client-server-api#authorization-code-grant, SECURITY A5). @throws OAuthError. */
export async function exchangeCode(ctx: RequestContext, exchange: CodeExchange): Promise<OAuthTokens> {
  const { code, clientId, redirectUri, codeVerifier } = exchange
  const claims = readToken(ctx.config, code)
  // A code names its account under a MAC: invented ones name no object.
  if (claims?.kind !== 'code') throw badGrant()
  const proof = { redirectUri, codeVerifier }
  const redemption = { codeHash: tokenHash(ctx.config, code), clientId, proof, clientAddress: ctx.clientAddress }
  const tokens = unwrap(await ctx.objects.user(localUserId(ctx.config, claims.localpart)).redeemCode(redemption, ctx.requestId))
  if (tokens === undefined) throw badGrant()
  return tokens
}

/** Exchanges a refresh token (client-server-api#refresh-token-grant). @throws OAuthError. */
export async function refreshOAuth(ctx: RequestContext, refreshToken: string, clientId: string): Promise<OAuthTokens> {
  const claims = readToken(ctx.config, refreshToken)
  if (claims?.kind !== 'refresh') throw badGrant()
  const userId = localUserId(ctx.config, claims.localpart)
  try {
    return unwrap(await ctx.objects.user(userId).refreshGrant(refreshToken, clientId, ctx.requestId))
  } catch (cause) {
    if (cause instanceof MatrixError && cause.errcode === 'M_UNKNOWN_TOKEN') throw badGrant()
    throw cause
  }
}

/** Ends the session of a token (RFC 7009). One that this server never made, or that is over, is no error. */
export async function revoke(ctx: RequestContext, token: string): Promise<void> {
  const claims = readToken(ctx.config, token)
  if (claims?.kind !== 'access' && claims?.kind !== 'refresh') return
  unwrap(await ctx.objects.user(localUserId(ctx.config, claims.localpart)).revokeToken(token, ctx.requestId))
}
