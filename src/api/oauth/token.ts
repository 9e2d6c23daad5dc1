import type { RequestContext } from '../../domain/context.ts'
import { pollDeviceGrant } from '../../domain/oauth/device-grant.ts'
import { OAuthError } from '../../domain/oauth/oauth-error.ts'
import { exchangeCode, refreshOAuth } from '../../domain/oauth/tokens.ts'
import type { OAuthTokens } from '../../durable/user/oauth/codes.ts'
import { jsonResponse } from '../../http/json-response.ts'
import { endpoint } from '../endpoint.ts'
import { answerTokens, oauthForm, requireField } from './respond.ts'

const MS_PER_SECOND = 1000

async function grantedTokens(ctx: RequestContext, form: ReadonlyMap<string, string>): Promise<OAuthTokens> {
  const field = (name: string): string => requireField(form, name)
  switch (field('grant_type')) {
    case 'authorization_code':
      return await exchangeCode(ctx, {
        code: field('code'),
        clientId: field('client_id'),
        redirectUri: field('redirect_uri'),
        codeVerifier: field('code_verifier'),
      })
    case 'refresh_token':
      return await refreshOAuth(ctx, field('refresh_token'), field('client_id'))
    case 'urn:ietf:params:oauth:grant-type:device_code':
      return await pollDeviceGrant(ctx, field('device_code'), field('client_id'))
    default:
      throw new OAuthError(400, 'unsupported_grant_type', 'That grant type is not supported')
  }
}

/** `POST /oauth2/token` (client-server-api#grant-types, RFC 6749 section 5). Clients are public: they prove themselves by what they show. */
export const token = endpoint({ method: 'POST', path: '/oauth2/token', auth: 'none', rateLimit: 'none' }, ({ ctx, request }) =>
  answerTokens(ctx, async () => {
    const tokens = await grantedTokens(ctx, await oauthForm(request))
    const body = {
      access_token: tokens.accessToken,
      token_type: 'Bearer',
      ...(tokens.expiresInMs !== undefined && { expires_in: Math.floor(tokens.expiresInMs / MS_PER_SECOND) }),
      ...(tokens.refreshToken !== undefined && { refresh_token: tokens.refreshToken }),
      scope: tokens.scope,
    }
    return jsonResponse(body, { requestId: ctx.requestId, headers: { Pragma: 'no-cache' } })
  }),
)
