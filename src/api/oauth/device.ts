import { beginDeviceGrant } from '../../domain/oauth/device-grant.ts'
import { jsonResponse } from '../../http/json-response.ts'
import { endpoint } from '../endpoint.ts'
import { answerOAuth, oauthForm, requireField } from './respond.ts'

const MS_PER_SECOND = 1000

/** `POST /oauth2/device`: device authorization (client-server-api#device-authorisation-flow, RFC 8628 section 3.1). */
export const device = endpoint({ method: 'POST', path: '/oauth2/device', auth: 'none', rateLimit: 'oauth-client' }, ({ ctx, request }) =>
  answerOAuth(ctx, async () => {
    const form = await oauthForm(request)
    const grant = await beginDeviceGrant(ctx, requireField(form, 'client_id'), form.get('scope'))
    const uri = `${ctx.config.publicUrl}/oauth2/link`
    const body = {
      device_code: grant.deviceCode,
      user_code: grant.userCode,
      verification_uri: uri,
      verification_uri_complete: `${uri}?${new URLSearchParams({ code: grant.userCode })}`,
      expires_in: grant.lifetimeMs / MS_PER_SECOND,
      interval: grant.intervalMs / MS_PER_SECOND,
    }
    return jsonResponse(body, { requestId: ctx.requestId })
  }),
)
