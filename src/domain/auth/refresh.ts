import type { IssuedTokens } from '../../durable/user/tokens-refresh.ts'
import { unknownToken } from '../../matrix/errors.ts'
import { readToken } from '../../runtime/access-token.ts'
import { unwrap } from '../../runtime/outcome.ts'
import { localUserId } from '../accounts/localparts.ts'
import type { RequestContext } from '../context.ts'

/** Exchanges a refresh token for the next pair (client-server-api#post_matrixclientv3refresh). @throws MatrixError M_UNKNOWN_TOKEN. */
export async function refresh(ctx: RequestContext, refreshToken: string): Promise<IssuedTokens> {
  const claims = readToken(ctx.config, refreshToken)
  if (claims?.kind !== 'refresh') throw unknownToken()
  return unwrap(await ctx.objects.user(localUserId(ctx.config, claims.localpart)).refresh(refreshToken, ctx.requestId))
}
