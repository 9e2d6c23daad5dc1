import { revoke as revokeToken } from '../../domain/oauth/tokens.ts'
import { jsonResponse } from '../../http/json-response.ts'
import { endpoint } from '../endpoint.ts'
import { answerTokens, oauthForm, requireField } from './respond.ts'

/** `POST /oauth2/revoke` (client-server-api#token-revocation, RFC 7009). Whoever holds a token may end it; the hint is not needed. */
export const revoke = endpoint({ method: 'POST', path: '/oauth2/revoke', auth: 'none', rateLimit: 'none' }, ({ ctx, request }) =>
  answerTokens(ctx, async () => {
    await revokeToken(ctx, requireField(await oauthForm(request), 'token'))
    return jsonResponse({}, { requestId: ctx.requestId })
  }),
)
