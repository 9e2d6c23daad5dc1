import type { RequestContext } from '../../domain/context.ts'
import { ACCOUNT_ACTIONS } from '../../domain/oauth/account-actions.ts'
import { issuerOf } from '../../domain/oauth/authorization-request.ts'
import { GRANT_TYPES } from '../../domain/oauth/client-metadata.ts'
import { jsonResponse } from '../../http/json-response.ts'
import { unrecognized } from '../../matrix/errors.ts'
import type { JsonObject } from '../../matrix/json.ts'
import { endpoint } from '../endpoint.ts'

/** Clients may believe the metadata for this long. */
const CACHE_CONTROL = 'public, max-age=600'
const MSC2965 = '/_matrix/client/unstable/org.matrix.msc2965'

function metadata(ctx: RequestContext): JsonObject {
  const { config } = ctx
  const at = (path: string): string => `${config.publicUrl}${path}`
  return {
    issuer: issuerOf(config),
    authorization_endpoint: at('/oauth2/authorize'),
    token_endpoint: at('/oauth2/token'),
    revocation_endpoint: at('/oauth2/revoke'),
    registration_endpoint: at('/oauth2/registration'),
    device_authorization_endpoint: at('/oauth2/device'),
    response_types_supported: ['code'],
    response_modes_supported: ['query', 'fragment'],
    grant_types_supported: [...GRANT_TYPES],
    code_challenge_methods_supported: ['S256'],
    token_endpoint_auth_methods_supported: ['none'],
    revocation_endpoint_auth_methods_supported: ['none'],
    authorization_response_iss_parameter_supported: true,
    prompt_values_supported: config.registration === 'closed' ? ['none', 'login'] : ['none', 'login', 'create'],
    account_management_uri: at('/account'),
    account_management_actions_supported: [...ACCOUNT_ACTIONS],
  }
}

/**
 * `GET /auth_metadata` (client-server-api#get_matrixclientv1auth_metadata), under the name that it had before its release (MSC2965), and where
 * RFC 8414 and OpenID Connect have it.
 */
export const authMetadata = endpoint(
  {
    method: 'GET',
    path: [
      '/_matrix/client/v1/auth_metadata',
      `${MSC2965}/auth_metadata`,
      '/.well-known/oauth-authorization-server',
      '/.well-known/openid-configuration',
    ],
    auth: 'none',
    rateLimit: 'none',
  },
  ({ ctx }) => {
    if (!ctx.config.oauth) throw unrecognized('OAuth 2.0 is off on this server')
    return jsonResponse(metadata(ctx), { cacheControl: CACHE_CONTROL, requestId: ctx.requestId })
  },
)

/** `GET /auth_issuer`, which older clients ask instead (MSC2965). */
export const authIssuer = endpoint({ method: 'GET', path: `${MSC2965}/auth_issuer`, auth: 'none', rateLimit: 'none' }, ({ ctx }) => {
  if (!ctx.config.oauth) throw unrecognized('OAuth 2.0 is off on this server')
  return jsonResponse({ issuer: issuerOf(ctx.config) }, { cacheControl: CACHE_CONTROL, requestId: ctx.requestId })
})
