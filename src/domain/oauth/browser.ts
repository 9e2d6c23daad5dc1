import { createHmac } from 'node:crypto'
import type { BrowserUser } from '../../durable/user/oauth/browser-sessions.ts'
import { deriveKey, readToken } from '../../runtime/access-token.ts'
import type { Config } from '../../runtime/config.ts'
import { constantTimeEqual } from '../../runtime/constant-time.ts'
import { unwrap } from '../../runtime/outcome.ts'
import { randomString } from '../../runtime/random.ts'
import { localUserId } from '../accounts/localparts.ts'
import type { RequestContext } from '../context.ts'
import { isDevelopment } from './clients.ts'

/*
 * The browser that looks at the server's own pages (SECURITY A9). Two cookies: one is a random value that forms are bound to, also before
 * anybody has logged in; the other names the account under a MAC and is looked up, hashed, in the account's object.
 */

/** What a browser's cookies say. */
export interface Browser {
  /** What forms are bound to. */
  readonly nonce: string
  /** The nonce is new: the answer must set it. */
  readonly isNew: boolean
  /** The cookie of a session that this server made, valid or not. */
  readonly cookie: string | undefined
  /** The account that it names. */
  readonly userId: string | undefined
}

const NONCE_CHARS = 32
const NONCE = /^[A-Za-z0-9]{32}$/
/** Characters of a `Cookie` header that are looked at. */
const MAX_COOKIE_CHARS = 8_192

/** Names of the cookies. The prefix makes browsers refuse them from anywhere but this very host over TLS. */
function cookieNames(config: Config): { readonly nonce: string; readonly session: string } {
  return isDevelopment(config)
    ? { nonce: 'myelin-browser', session: 'myelin-session' }
    : { nonce: '__Host-myelin-browser', session: '__Host-myelin-session' }
}

/** A `Set-Cookie` header: for this host, this browser's lifetime, never for scripts, and sent along only when the user comes here by a link. */
function setCookie(config: Config, name: string, value: string, attributes = ''): string {
  return `${name}=${value}; Path=/; HttpOnly; SameSite=Lax${isDevelopment(config) ? '' : '; Secure'}${attributes}`
}

/** The cookies of a request. */
export function readBrowser(config: Config, request: Request): Browser {
  const names = cookieNames(config)
  const header = request.headers.get('cookie') ?? ''
  const cookies = new Map(
    (header.length > MAX_COOKIE_CHARS ? '' : header).split(';').map((pair) => {
      const [name = '', ...value] = pair.trim().split('=')
      return [name, value.join('=')]
    }),
  )
  const nonce = cookies.get(names.nonce) ?? ''
  const cookie = cookies.get(names.session)
  const claims = cookie === undefined ? undefined : readToken(config, cookie)
  const isKnown = NONCE.test(nonce)
  return {
    nonce: isKnown ? nonce : randomString(NONCE_CHARS),
    isNew: !isKnown,
    ...(claims?.kind === 'browser' ? { cookie, userId: localUserId(config, claims.localpart) } : { cookie: undefined, userId: undefined }),
  }
}

/** The header that makes a browser remember its new nonce. */
export function nonceCookie(config: Config, browser: Browser): string {
  return setCookie(config, cookieNames(config).nonce, browser.nonce)
}

/** Headers that log a browser in. The nonce changes with it, so that nothing from before can be used after. */
export function loginCookies(config: Config, cookie: string): readonly string[] {
  const names = cookieNames(config)
  return [setCookie(config, names.session, cookie), setCookie(config, names.nonce, randomString(NONCE_CHARS))]
}

/** Headers that log a browser out. */
export function logoutCookies(config: Config): readonly string[] {
  const names = cookieNames(config)
  return [setCookie(config, names.session, '', '; Max-Age=0'), setCookie(config, names.nonce, randomString(NONCE_CHARS))]
}

/** What a form must bring back: bound to the browser, to the session in it, and to what the form is for. */
export function csrfToken(config: Config, browser: Browser, purpose: string): string {
  return createHmac('sha256', deriveKey(config, 'csrf/1'))
    .update(`${browser.nonce}\n${browser.cookie ?? ''}\n${purpose}`)
    .digest('base64url')
}

/** Whether a form came from a page of this server in this browser. */
export function isOwnForm(config: Config, browser: Browser, request: Request, purpose: string, token: string | undefined): boolean {
  // Browsers that say where a form was sent from have the last word.
  const site = request.headers.get('sec-fetch-site')
  if (site !== null && site !== 'same-origin') return false
  return !browser.isNew && token !== undefined && constantTimeEqual(token, csrfToken(config, browser, purpose))
}

/** A browser with a user at it. */
export interface LoggedInBrowser extends BrowserUser {
  readonly cookie: string
}

/** Who is logged in at a browser, if anybody is. */
export async function userAt(ctx: RequestContext, browser: Browser): Promise<LoggedInBrowser | undefined> {
  const { cookie, userId } = browser
  if (cookie === undefined || userId === undefined) return undefined
  const user = unwrap(await ctx.objects.user(userId).browserUser(cookie))
  return user && { ...user, cookie }
}
