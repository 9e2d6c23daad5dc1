import { RequestContext } from '../domain/context.ts'
import { type Browser, csrfToken, isOwnForm, nonceCookie, readBrowser } from '../domain/oauth/browser.ts'
import { type RateLimitClass, UNKNOWN_ADDRESS } from '../http/context.ts'
import { readForm } from '../http/form.ts'
import { chargeAddress } from '../http/rate-limit.ts'
import { nextRequestId } from '../http/request-id.ts'
import { unrecognized } from '../matrix/errors.ts'
import type { Env } from '../runtime/bindings.ts'
import { clientAddress } from '../runtime/client-address.ts'
import { nowMs } from '../runtime/clock.ts'
import { configOf } from '../runtime/config.ts'
import { requestStarted } from '../runtime/draining.ts'
import type { PageElement } from './components/layout.tsx'
import { errorPage } from './error-page.tsx'

/** What a page's handler works with. */
export interface PageInput {
  readonly ctx: RequestContext
  readonly request: Request
  readonly url: URL
  readonly browser: Browser
  /** Fields of the form; empty where none was sent. */
  readonly form: ReadonlyMap<string, string>
  /** What a form for some purpose on this page must carry. */
  csrf(purpose: string): string
  /** Refuses a form that this server did not make for this browser and purpose (SECURITY A9). @throws FormError. */
  requireOwnForm(purpose: string): void
}

/** What pages answer with besides HTML. */
export interface PageOptions {
  readonly status?: number
  readonly cookies?: readonly string[]
  /** Where else than here a form may lead: browsers check the answers to forms too. */
  readonly formTarget?: string
}

/** A form that was not made here, for this browser and this purpose. */
export class FormError extends Error {}

/**
 * Headers of every page (SECURITY A9): nothing is loaded but our stylesheet, nothing runs, nobody frames it, no address of ours leaks, and no
 * cache keeps it.
 */
function headersOf(input: PageInput | undefined, options: PageOptions): Headers {
  const formAction = options.formTarget === undefined ? "'self'" : `'self' ${options.formTarget}`
  const headers = new Headers({
    'Content-Security-Policy': `default-src 'none'; style-src 'self'; form-action ${formAction}; frame-ancestors 'none'; base-uri 'none'`,
    'X-Frame-Options': 'DENY',
    'X-Content-Type-Options': 'nosniff',
    'Referrer-Policy': 'no-referrer',
    'Cross-Origin-Resource-Policy': 'same-origin',
    'Cache-Control': 'no-store',
  })
  const cookies = [...(options.cookies ?? [])]
  if (input?.browser.isNew === true && cookies.length === 0) cookies.push(nonceCookie(input.ctx.config, input.browser))
  for (const cookie of cookies) headers.append('Set-Cookie', cookie)
  return headers
}

/** A page of HTML. */
export async function html(input: PageInput | undefined, page: PageElement, options: PageOptions = {}): Promise<Response> {
  const text = await (await page).toString()
  const headers = headersOf(input, options)
  headers.set('Content-Type', 'text/html; charset=utf-8')
  return new Response(`<!DOCTYPE html>${text}`, { status: options.status ?? 200, headers })
}

/** Sends the browser on, to be asked for with GET. */
export function seeOther(input: PageInput, location: string, options: PageOptions = {}): Response {
  const headers = headersOf(input, options)
  headers.set('Location', location)
  return new Response(null, { status: 303, headers })
}

/** A page's handler. */
export type PageHandler = (input: PageInput) => Promise<Response>

/** One request for a page: limits, form, handler, answer. Never throws; what goes wrong is shown to the user. */
export async function servePage(
  request: Request,
  env: Env,
  execution: Pick<ExecutionContext, 'waitUntil'>,
  rateLimit: RateLimitClass,
  handler: PageHandler,
): Promise<Response> {
  const config = configOf(env)
  const requestId = nextRequestId()
  const requestFinished = requestStarted()
  let ctx: RequestContext | undefined
  try {
    if (!config.oauth) throw unrecognized()
    const address = clientAddress(request, config) ?? UNKNOWN_ADDRESS
    if (config.rateLimits) chargeAddress(rateLimit, address, nowMs())
    const waitUntil = (work: Promise<unknown>): void => execution.waitUntil(work)
    ctx = new RequestContext({ env, config, requestId, clientAddress: address, rateLimit, standing: 'any', token: undefined, waitUntil })
    const browser = readBrowser(config, request)
    const form = request.method === 'POST' ? await readForm(request) : new Map<string, string>()
    return await handler({
      ctx,
      request,
      url: new URL(request.url),
      browser,
      form,
      csrf: (purpose) => csrfToken(config, browser, purpose),
      requireOwnForm: (purpose) => {
        if (!isOwnForm(config, browser, request, purpose, form.get('csrf'))) throw new FormError('a form of somebody else')
      },
    })
  } catch (cause) {
    const { page, status } = errorPage(config.serverName, cause instanceof FormError ? 'form' : cause, requestId)
    return html(undefined, page, { status })
  } finally {
    ctx?.close()
    requestFinished()
  }
}
