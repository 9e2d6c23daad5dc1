import { isCodeChallenge } from '../../durable/user/oauth/pkce.ts'
import type { Config } from '../../runtime/config.ts'
import type { OAuthClient } from './clients.ts'
import type { OAuthErrorCode } from './oauth-error.ts'
import { matchesRegistered } from './redirect-uri.ts'
import { type LoginScope, parseScope } from './scope.ts'

/** Characters of the `state` that a client gets back. */
const MAX_STATE_CHARS = 2_000

/** Where the answer goes, once it is known that the client may be answered there. */
export interface ResponseTarget {
  readonly redirectUri: string
  readonly responseMode: 'query' | 'fragment'
  readonly state: string | undefined
}

/** A client's request that a user let it in, checked. */
export interface AuthorizationRequest extends ResponseTarget {
  readonly client: OAuthClient
  readonly scope: LoginScope
  readonly codeChallenge: string
  /** The user is to register, to log in anew, or not to be asked anything. */
  readonly prompt: 'create' | 'login' | 'none' | undefined
  /** Who the client believes the user to be. */
  readonly loginHint: string | undefined
}

/** What comes of a request: it is good; the client is told what is wrong; or nobody but the user is, as the client may not be sent anything. */
export type AuthorizationVerdict =
  | { readonly kind: 'good'; readonly request: AuthorizationRequest }
  | { readonly kind: 'answer'; readonly location: string }
  | { readonly kind: 'refuse'; readonly problem: 'client' | 'redirect-uri' | 'request' }

/** Checks who asks and where the answer would go: before this, nothing is sent anywhere (SECURITY A7). */
export function responseTarget(
  client: OAuthClient | undefined,
  query: URLSearchParams,
): ResponseTarget | 'client' | 'redirect-uri' | 'request' {
  if (client === undefined) return 'client'
  const redirectUri = query.get('redirect_uri')
  const { redirect_uris: registered, application_type: applicationType } = client.metadata
  if (redirectUri === null || !matchesRegistered(redirectUri, registered, applicationType)) return 'redirect-uri'
  // What is said twice could be understood in two ways (RFC 6749 section 3.1).
  const names = [...query.keys()]
  const state = query.get('state') ?? undefined
  if (new Set(names).size !== names.length || (state?.length ?? 0) > MAX_STATE_CHARS) return 'request'
  return { redirectUri, responseMode: query.get('response_mode') === 'fragment' ? 'fragment' : 'query', state }
}

/** Checks an authorization request (client-server-api#authorization-code-flow, SECURITY A5, A7, A8). */
export function checkAuthorization(config: Config, client: OAuthClient | undefined, query: URLSearchParams): AuthorizationVerdict {
  const target = responseTarget(client, query)
  if (typeof target === 'string') return { kind: 'refuse', problem: target }
  const answer = (error: OAuthErrorCode, description: string): AuthorizationVerdict => ({
    kind: 'answer',
    location: errorLocation(config, target, error, description),
  })
  if (client === undefined || !client.metadata.grant_types.includes('authorization_code')) {
    return answer('unauthorized_client', 'The client is not registered for this grant')
  }
  if (query.has('request')) return answer('request_not_supported', 'Request objects are not supported')
  if (query.has('request_uri')) return answer('request_uri_not_supported', 'Request objects are not supported')
  if (query.get('response_type') !== 'code') return answer('unsupported_response_type', 'response_type must be code')
  if (!['query', 'fragment', null].includes(query.get('response_mode'))) return answer('invalid_request', 'Unknown response_mode')
  const codeChallenge = query.get('code_challenge') ?? ''
  if (query.get('code_challenge_method') !== 'S256' || !isCodeChallenge(codeChallenge)) {
    return answer('invalid_request', 'A code_challenge of the method S256 is required')
  }
  const scope = parseScope(query.get('scope') ?? undefined)
  if (scope === undefined) return answer('invalid_scope', 'The scope must be the whole client API and one device')
  const prompts = (query.get('prompt') ?? '').split(' ')
  const prompt = (['none', 'create', 'login'] as const).find((known) => prompts.includes(known))
  const loginHint = query.get('login_hint') ?? undefined
  return { kind: 'good', request: { ...target, client, scope, codeChallenge, prompt, loginHint } }
}

/** The address that takes an answer to a client, with the issuer in it (RFC 9207). */
export function answerLocation(config: Config, target: ResponseTarget, answer: Readonly<Record<string, string>>): string {
  const params = new URLSearchParams({ ...answer, ...(target.state !== undefined && { state: target.state }), iss: issuerOf(config) })
  if (target.responseMode === 'fragment') return `${target.redirectUri}#${params}`
  return `${target.redirectUri}${target.redirectUri.includes('?') ? '&' : '?'}${params}`
}

/** The address that takes a refusal to a client. */
export function errorLocation(config: Config, target: ResponseTarget, error: OAuthErrorCode, description: string): string {
  return answerLocation(config, target, { error, error_description: description })
}

/** Who this server is as an authorization server. */
export function issuerOf(config: Config): string {
  return `${config.publicUrl}/`
}

/** The user name that a hint means, as `mxid:@name:server` (MSC4198) or as it is. */
export function hintedUser(hint: string | undefined): string {
  return hint?.replace(/^mxid:/, '') ?? ''
}
