import { MatrixError, unknownError } from '../matrix/errors.ts'
import { log } from '../runtime/log.ts'
import { jsonResponse } from './json-response.ts'

const MS_PER_SECOND = 1000

/**
 * The one renderer of refusals (client-server-api#standard-error-response). Anything that is not a {@link MatrixError} is a defect: logged
 * with its cause, answered as M_UNKNOWN 500 with nothing but the request ID.
 */
export function errorResponse(cause: unknown, requestId: string): Response {
  if (!(cause instanceof MatrixError)) {
    log.error(`request ${requestId} failed`, cause)
    return errorResponse(unknownError(`Internal server error (request ${requestId})`), requestId)
  }
  const headers: Record<string, string> = {}
  const retryAfterMs = cause.fields.retry_after_ms
  if (typeof retryAfterMs === 'number') headers['Retry-After'] = String(Math.ceil(retryAfterMs / MS_PER_SECOND))
  return jsonResponse(cause.toBody(), { status: cause.status, requestId, headers })
}
