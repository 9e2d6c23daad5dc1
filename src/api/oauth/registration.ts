import * as z from 'zod'
import { registerClient } from '../../domain/oauth/clients.ts'
import { OAuthError } from '../../domain/oauth/oauth-error.ts'
import { jsonResponse } from '../../http/json-response.ts'
import { jsonObject } from '../../http/schema/json.ts'
import { endpoint } from '../endpoint.ts'
import { answerOAuth } from './respond.ts'

/** Bytes of a registration. */
const MAX_BODY_BYTES = 64 * 1024
const MAX_LIST = 64

const text = z.string().max(2_000).nullish()
const list = z.array(z.string().max(2_000)).max(MAX_LIST).nullish()
const Claims = z.object({
  client_name: text,
  client_uri: text,
  logo_uri: text,
  tos_uri: text,
  policy_uri: text,
  redirect_uris: list,
  response_types: list,
  grant_types: list,
  token_endpoint_auth_method: text,
  application_type: text,
})

/** `POST /oauth2/registration`: dynamic client registration (client-server-api#dynamic-client-registration-flow, RFC 7591). */
export const registration = endpoint(
  { method: 'POST', path: '/oauth2/registration', auth: 'none', rateLimit: 'oauth-client', body: jsonObject, maxBodyBytes: MAX_BODY_BYTES },
  ({ body, ctx }) =>
    answerOAuth(ctx, async () => {
      const claims = Claims.safeParse(body)
      if (!claims.success)
        throw new OAuthError(400, 'invalid_client_metadata', `The metadata has the wrong shape: ${claims.error.issues[0]?.path.join('.')}`)
      const { clientId, metadata } = await registerClient(ctx, claims.data)
      return jsonResponse({ client_id: clientId, ...metadata }, { status: 201, requestId: ctx.requestId })
    }),
)
