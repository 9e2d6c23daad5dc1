import { MAX_REQUEST_CHARS } from '../domain/oauth/authorize.ts'

/** Pages that a login may lead to. */
const PAGES: readonly string[] = ['/account', '/oauth2/authorize', '/oauth2/link']
const HERE = 'https://here.invalid'

/**
 * Where a login leads: a page of this server, or the account page for anything else (SECURITY A9: no open redirect). Answers path and query.
 */
export function safeContinue(text: string | null | undefined): string {
  if (typeof text !== 'string' || text.length > MAX_REQUEST_CHARS + 100 || !URL.canParse(text, HERE)) return '/account'
  const url = new URL(text, HERE)
  return url.origin === HERE && PAGES.includes(url.pathname) ? `${url.pathname}${url.search}` : '/account'
}

/** The login page, leading back to a page of this server. */
export function loginPath(page: 'login' | 'register', next: string): string {
  return `/account/${page}?${new URLSearchParams({ continue: next })}`
}
