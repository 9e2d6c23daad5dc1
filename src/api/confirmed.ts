import type { RequestContext } from '../domain/context.ts'
import type { UiaRequest, UiaResult } from '../durable/user/accounts-uia.ts'
import { jsonResponse } from '../http/json-response.ts'
import type { JsonObject } from '../matrix/json.ts'
import { type Outcome, unwrap } from '../runtime/outcome.ts'

/**
 * What an operation needs for user-interactive authentication.
 * @param operation method and endpoint, e.g. `POST account/password`.
 * @param subject everything that the request asks for, in a fixed order: a session authorizes exactly this.
 */
export function uiaRequest(
  ctx: RequestContext,
  operation: string,
  subject: readonly (string | boolean | readonly string[])[],
  auth: JsonObject | undefined,
): UiaRequest {
  return { operation, subject: JSON.stringify(subject), auth, clientAddress: ctx.clientAddress }
}

/** The answer to an operation under user-interactive authentication: a 401 that asks for it, or `body`. */
export function confirmedResponse(ctx: RequestContext, outcome: Outcome<UiaResult<void>>, body: JsonObject): Response | JsonObject {
  const result = unwrap(outcome)
  if ('challenge' in result) return jsonResponse(result.challenge, { status: 401, requestId: ctx.requestId })
  return body
}
