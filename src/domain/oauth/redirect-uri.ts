/*
 * Which redirect URIs a client may register, and which of them an authorization request means (client-server-api#redirect-uri-validation,
 * RFC 8252 section 7, SECURITY A6). Pure: nothing here is fetched.
 */

/** Longest URI that is stored or compared, in characters. */
export const MAX_URI_CHARS = 2_000
/** Hosts that mean the machine of the user, as `URL` writes them. */
const LOOPBACK_HOSTS: readonly string[] = ['localhost', '127.0.0.1', '[::1]']
/** Spaces, control characters and what `URL` would quietly repair. */
const PLAIN_URI = /^[\x21\x23-\x3b\x3d\x3f-\x5b\x5d\x5f\x61-\x7a\x7e]+$/
const SCHEME = /^([a-z][a-z0-9+.-]*):/

/** What decides about a client's URIs. */
export interface RedirectRules {
  readonly applicationType: 'web' | 'native'
  /** Host of the client URI, without port, in lower case. */
  readonly clientHost: string
  /** The server itself runs on plain HTTP, for development: clients in the browser on this machine may too, with any port. */
  readonly development: boolean
}

/** The URL that a text is, or `undefined`: too long, unparsable, or with characters that a URI does not have. */
export function parseUri(text: string): URL | undefined {
  if (text.length > MAX_URI_CHARS || !PLAIN_URI.test(text) || !URL.canParse(text)) return undefined
  const url = new URL(text)
  // `https:host` and `https:/host` mean something else where a browser reads them beside another address.
  const isWeb = url.protocol === 'https:' || url.protocol === 'http:'
  return isWeb && !/^https?:\/\/[^/]/.test(text) ? undefined : url
}

/** Whether a URL is plain HTTP on the user's own machine. */
export function isLoopback(url: URL): boolean {
  return url.protocol === 'http:' && LOOPBACK_HOSTS.includes(url.hostname)
}

/** Whether a host is the client's or below it. */
export function isUnderHost(host: string, clientHost: string): boolean {
  return host === clientHost || host.endsWith(`.${clientHost}`)
}

function hasUserInfo(url: URL): boolean {
  return url.username !== '' || url.password !== ''
}

/** Why a redirect URI may not be registered, or `undefined` if it may. */
export function redirectUriProblem(text: string, rules: RedirectRules): string | undefined {
  const url = parseUri(text)
  if (url === undefined) return 'is not a URI'
  if (text.includes('#')) return 'has a fragment'
  if (url.protocol === 'https:') return claimedProblem(url, rules)
  if (rules.development && isLoopback(url) && !hasUserInfo(url)) return undefined
  if (rules.applicationType === 'web') return 'must use https'
  return url.protocol === 'http:' ? loopbackProblem(text, url) : privateUseProblem(text, rules.clientHost)
}

function claimedProblem(url: URL, { clientHost }: RedirectRules): string | undefined {
  if (hasUserInfo(url)) return 'has a user name or password'
  return isUnderHost(url.hostname, clientHost) ? undefined : 'is not on the host of the client URI'
}

function loopbackProblem(text: string, url: URL): string | undefined {
  if (!isLoopback(url) || hasUserInfo(url)) return 'must be on the loopback interface'
  // `URL` forgets a port 80.
  const authority = /^http:\/\/([^/?]*)/.exec(text)?.[1] ?? ''
  return LOOPBACK_HOSTS.includes(authority) ? undefined : 'has a port, which is chosen when the user logs in'
}

function privateUseProblem(text: string, clientHost: string): string | undefined {
  const scheme = SCHEME.exec(text)?.[1]
  if (scheme === undefined) return 'must have a scheme in lower case'
  const reversed = clientHost.split('.').reverse().join('.')
  if (scheme !== reversed && !scheme.startsWith(`${reversed}.`)) return 'must have the host of the client URI, reversed, as its scheme'
  return text.startsWith(`${scheme}://`) ? 'has an authority' : undefined
}

/**
 * Whether a request's redirect URI is one of those registered: character by character, except that the port of a loopback URI of a native
 * client is free.
 */
export function matchesRegistered(requested: string, registered: readonly string[], applicationType: 'web' | 'native'): boolean {
  if (registered.includes(requested)) return true
  const url = parseUri(requested)
  if (applicationType !== 'native' || url === undefined || !isLoopback(url)) return false
  const withoutPort = requested.replace(/^(http:\/\/(?:localhost|127\.0\.0\.1|\[::1\])):\d{1,5}(?=[/?]|$)/, '$1')
  return withoutPort !== requested && registered.includes(withoutPort)
}
