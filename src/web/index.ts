import { type Context, Hono } from 'hono'
import type { RateLimitClass } from '../http/context.ts'
import type { Env } from '../runtime/bindings.ts'
import { getAccount } from './account/account-page.tsx'
import { postCrossSigningReset, postDeactivate, postPassword, postProfile, postSignOut } from './account/actions.tsx'
import { getStylesheet } from './assets/get-stylesheet.ts'
import { getAuthorize, postAuthorize } from './consent/authorize-page.tsx'
import { getLink, postLink } from './device/link-page.tsx'
import { getLogin, postLogin, postLogout } from './login/login-page.tsx'
import { getRegister, postRegister } from './login/register-page.tsx'
import { type PageHandler, servePage } from './page.ts'

/** A handler of a page, for the router. */
function page(rateLimit: RateLimitClass, handler: PageHandler) {
  return (c: Context<{ Bindings: Env }>): Promise<Response> => servePage(c.req.raw, c.env, c.executionCtx, rateLimit, handler)
}

/** The server's own pages. */
export const webRoutes = new Hono<{ Bindings: Env }>()
  .get('/account/style.css', getStylesheet)
  .get('/account', page('page', getAccount))
  .get('/account/', page('page', getAccount))
  .get('/account/login', page('page', getLogin))
  .post('/account/login', page('login', postLogin))
  .post('/account/logout', page('page', postLogout))
  .get('/account/register', page('page', getRegister))
  .post('/account/register', page('register', postRegister))
  .post('/account/sign-out', page('account', postSignOut))
  .post('/account/password', page('account', postPassword))
  .post('/account/profile', page('account', postProfile))
  .post('/account/cross-signing-reset', page('account', postCrossSigningReset))
  .post('/account/deactivate', page('account', postDeactivate))
  .get('/oauth2/authorize', page('page', getAuthorize))
  .post('/oauth2/authorize', page('page', postAuthorize))
  .get('/oauth2/link', page('page', getLink))
  .post('/oauth2/link', page('login', postLink))
