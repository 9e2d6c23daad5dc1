import type { RequestContext } from '../../domain/context.ts'
import { OAuthError } from '../../domain/oauth/oauth-error.ts'
import { readForm } from '../../http/form.ts'
import { jsonResponse } from '../../http/json-response.ts'
import { chargeAddress } from '../../http/rate-limit.ts'
import { MatrixError, unrecognized } from '../../matrix/errors.ts'
import { nowMs } from '../../runtime/clock.ts'
import { log } from '../../runtime/log.ts'

const UNAVAILABLE = 503
const SERVER_ERROR = 500
const MS_PER_SECOND = 1000
const RETRY_LATER_MS = 5_000

/** The fields of a request to an OAuth endpoint. @throws OAuthError invalid_request. */
export async function oauthForm(request: Request): Promise<ReadonlyMap<string, string>> {
  try {
    return await readForm(request)
  } catch (cause) {
    if (cause instanceof MatrixError) throw new OAuthError(400, 'invalid_request', cause.message)
    throw cause
  }
}

/** A field that must be there. @throws OAuthError invalid_request. */
export function requireField(form: ReadonlyMap<string, string>, name: string): string {
  const value = form.get(name)
  if (value === undefined || value === '') throw new OAuthError(400, 'invalid_request', `${name} is missing`)
  return value
}

/**
 * Runs an OAuth endpoint: whatever goes wrong is answered in OAuth's terms (RFC 6749 section 5.2) and never in Matrix's, which clients take for
 * the end of the session. What may be different later is a 5xx, after which clients keep their tokens (client-server-api#refresh-token-grant).
 * @throws MatrixError M_UNRECOGNIZED while OAuth is off.
 */
export async function answerOAuth(ctx: RequestContext, handler: () => Promise<Response>): Promise<Response> {
  if (!ctx.config.oauth) throw unrecognized('OAuth 2.0 is off on this server')
  try {
    return await handler()
  } catch (cause) {
    return refused(ctx, cause)
  }
}

/** The same for the endpoints of tokens, limited by address. */
export function answerTokens(ctx: RequestContext, handler: () => Promise<Response>): Promise<Response> {
  return answerOAuth(ctx, () => {
    if (ctx.config.rateLimits) chargeAddress('oauth', ctx.clientAddress, nowMs())
    return handler()
  })
}

function refused(ctx: RequestContext, cause: unknown): Response {
  const { requestId } = ctx
  const answer = (status: number, error: string, description: string, headers = {}): Response =>
    jsonResponse({ error, error_description: description }, { status, requestId, headers })
  if (cause instanceof OAuthError) return answer(cause.status, cause.code, cause.message)
  if (!(cause instanceof MatrixError)) {
    log.error(`request ${requestId} failed`, cause)
    return answer(SERVER_ERROR, 'server_error', `Internal server error (request ${requestId})`)
  }
  if (cause.errcode === 'M_LIMIT_EXCEEDED' || cause.errcode === 'M_USER_LOCKED') {
    const waitMs = typeof cause.fields.retry_after_ms === 'number' ? cause.fields.retry_after_ms : RETRY_LATER_MS
    return answer(UNAVAILABLE, 'temporarily_unavailable', cause.message, { 'Retry-After': String(Math.ceil(waitMs / MS_PER_SECOND)) })
  }
  return cause.status >= SERVER_ERROR ? answer(cause.status, 'server_error', cause.message) : answer(400, 'access_denied', cause.message)
}
