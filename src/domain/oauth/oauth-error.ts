/** Codes of RFC 6749 section 5.2, RFC 7591 section 3.2.2, RFC 8628 section 3.5 and of authorization responses that this server answers. */
export type OAuthErrorCode =
  | 'invalid_request'
  | 'invalid_client'
  | 'invalid_grant'
  | 'invalid_scope'
  | 'invalid_token'
  | 'unauthorized_client'
  | 'unsupported_grant_type'
  | 'unsupported_response_type'
  | 'unsupported_token_type'
  | 'access_denied'
  | 'login_required'
  | 'consent_required'
  | 'request_not_supported'
  | 'request_uri_not_supported'
  | 'invalid_client_metadata'
  | 'invalid_redirect_uri'
  | 'authorization_pending'
  | 'slow_down'
  | 'expired_token'

/** A refusal in the terms of OAuth 2.0, which are not Matrix's. The description is for developers and never names a secret. */
export class OAuthError extends Error {
  readonly status: number
  readonly code: OAuthErrorCode

  constructor(status: number, code: OAuthErrorCode, description: string) {
    super(description)
    this.name = 'OAuthError'
    this.status = status
    this.code = code
  }
}
