import type { RequestContext } from '../../domain/context.ts'
import { OAuthError } from '../../domain/oauth/oauth-error.ts'
import { readForm } from '../../http/form.ts'
import { jsonResponse } from '../../http/json-response.ts'
import { MatrixError, unrecognized } from '../../matrix/errors.ts'

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

/** Runs an OAuth endpoint: refusals are answered in OAuth's terms (RFC 6749 section 5.2). @throws MatrixError M_UNRECOGNIZED while OAuth is off. */
export async function answerOAuth(ctx: RequestContext, handler: () => Promise<Response>): Promise<Response> {
  if (!ctx.config.oauth) throw unrecognized('OAuth 2.0 is off on this server')
  try {
    return await handler()
  } catch (cause) {
    if (!(cause instanceof OAuthError)) throw cause
    const body = { error: cause.code, error_description: cause.message }
    return jsonResponse(body, { status: cause.status, requestId: ctx.requestId })
  }
}
