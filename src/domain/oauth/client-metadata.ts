import { isLoopback, isUnderHost, parseUri, type RedirectRules, redirectUriProblem } from './redirect-uri.ts'

/** Grants that clients may use here. */
export const GRANT_TYPES = ['authorization_code', 'refresh_token', 'urn:ietf:params:oauth:grant-type:device_code'] as const
/** Characters of a client's name. */
const MAX_NAME_CHARS = 200
/** Redirect URIs of one client. */
const MAX_REDIRECT_URIS = 16
// Also the characters that turn the direction of writing: a name must not be able to look like more than it is.
const CONTROL = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u

/** A client as it is registered: what it said of itself, less what means nothing here. */
export interface ClientMetadata {
  readonly client_name?: string
  readonly client_uri: string
  readonly logo_uri?: string
  readonly tos_uri?: string
  readonly policy_uri?: string
  readonly redirect_uris: readonly string[]
  readonly response_types: readonly string[]
  readonly grant_types: readonly string[]
  readonly token_endpoint_auth_method: 'none'
  readonly application_type: 'web' | 'native'
}

/** What a registration request says, its types checked and nothing else. */
export interface ClientClaims {
  readonly client_name?: string | null | undefined
  readonly client_uri?: string | null | undefined
  readonly logo_uri?: string | null | undefined
  readonly tos_uri?: string | null | undefined
  readonly policy_uri?: string | null | undefined
  readonly redirect_uris?: readonly string[] | null | undefined
  readonly response_types?: readonly string[] | null | undefined
  readonly grant_types?: readonly string[] | null | undefined
  readonly token_endpoint_auth_method?: string | null | undefined
  readonly application_type?: string | null | undefined
}

/** Why a client cannot be registered (RFC 7591 section 3.2.2). */
export interface ClientProblem {
  readonly error: 'invalid_client_metadata' | 'invalid_redirect_uri'
  readonly description: string
}

/** What comes of a registration request. */
export type ClientVerdict =
  | { readonly ok: true; readonly metadata: ClientMetadata }
  | { readonly ok: false; readonly problem: ClientProblem }

function refused(description: string, error: ClientProblem['error'] = 'invalid_client_metadata'): ClientVerdict {
  return { ok: false, problem: { error, description } }
}

/** A host with a name of its own: `io` would own every private-use scheme below it, and addresses own none. */
function isClientUri(url: URL, development: boolean): boolean {
  if (url.username !== '' || url.password !== '') return false
  if (development && isLoopback(url)) return true
  return url.protocol === 'https:' && /^[^.]+(?:\.[^.]+)*\.[a-z][^.]*$/.test(url.hostname)
}

/**
 * Checks what a client says of itself (client-server-api#client-metadata, SECURITY A6). Unknown keys and translations are left out of what is
 * registered.
 * @param development the server itself runs on plain HTTP: clients on the user's own machine are let in.
 */
export function checkClient(claims: ClientClaims, development: boolean): ClientVerdict {
  const applicationType = claims.application_type ?? 'web'
  if (applicationType !== 'web' && applicationType !== 'native') return refused('application_type must be web or native')
  if ((claims.token_endpoint_auth_method ?? 'none') !== 'none') return refused('token_endpoint_auth_method must be none')
  const clientUri = parseUri(claims.client_uri ?? '')
  if (clientUri === undefined || !isClientUri(clientUri, development)) return refused('client_uri must be an https URL of a web page')
  const rules: RedirectRules = { applicationType, clientHost: clientUri.hostname, development }
  const name = claims.client_name ?? undefined
  if (name !== undefined && (name === '' || name.length > MAX_NAME_CHARS || CONTROL.test(name)))
    return refused('client_name cannot be shown')
  for (const key of ['logo_uri', 'tos_uri', 'policy_uri'] as const) {
    if (!isPageOf(claims[key] ?? undefined, rules)) return refused(`${key} must be an https URL on the host of client_uri`)
  }
  const grantTypes = GRANT_TYPES.filter((type) => type === 'refresh_token' || (claims.grant_types ?? ['authorization_code']).includes(type))
  if (grantTypes.length === 1) return refused('grant_types has no grant by which a user could log in')
  const usesRedirects = grantTypes.includes('authorization_code')
  if (usesRedirects && !(claims.response_types ?? ['code']).includes('code')) return refused('response_types must include code')
  const redirectUris = claims.redirect_uris ?? []
  if (usesRedirects && redirectUris.length === 0) return refused('redirect_uris is empty', 'invalid_redirect_uri')
  if (redirectUris.length > MAX_REDIRECT_URIS) return refused('redirect_uris is too long', 'invalid_redirect_uri')
  for (const uri of redirectUris) {
    const problem = redirectUriProblem(uri, rules)
    if (problem !== undefined) return refused(`A redirect URI ${problem}`, 'invalid_redirect_uri')
  }
  return {
    ok: true,
    metadata: {
      ...(name !== undefined && { client_name: name }),
      client_uri: clientUri.href,
      ...pages(claims),
      redirect_uris: [...new Set(redirectUris)],
      response_types: usesRedirects ? ['code'] : [],
      grant_types: grantTypes,
      token_endpoint_auth_method: 'none',
      application_type: applicationType,
    },
  }
}

/** Whether an address that the user may be sent to is the client's own. */
function isPageOf(text: string | undefined, { clientHost, development }: RedirectRules): boolean {
  if (text === undefined) return true
  const url = parseUri(text)
  if (url === undefined || url.username !== '' || url.password !== '') return false
  return (url.protocol === 'https:' && isUnderHost(url.hostname, clientHost)) || (development && isLoopback(url))
}

function pages(claims: ClientClaims): Pick<ClientMetadata, 'logo_uri' | 'tos_uri' | 'policy_uri'> {
  return {
    ...(typeof claims.logo_uri === 'string' && { logo_uri: claims.logo_uri }),
    ...(typeof claims.tos_uri === 'string' && { tos_uri: claims.tos_uri }),
    ...(typeof claims.policy_uri === 'string' && { policy_uri: claims.policy_uri }),
  }
}
