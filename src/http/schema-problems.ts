import type { z } from 'zod'
import { badJson, invalidParam, type MatrixError, missingParam } from '../matrix/errors.ts'

/** Which part of a request a schema describes. */
export type RequestPart = 'path' | 'query' | 'body'

/**
 * The refusal for input that does not fit its schema (client-server-api#standard-error-response): M_MISSING_PARAM for what is absent,
 * M_BAD_JSON for a body with a value of the wrong type, M_INVALID_PARAM for a value of the right type that is impossible.
 */
export function schemaProblem(part: RequestPart, error: z.ZodError): MatrixError {
  const [issue] = error.issues
  if (issue === undefined) return badJson()
  const name = issue.path.map(String).join('.')
  if (issue.code === 'invalid_type' && issue.input === undefined && issue.path.length > 0) {
    return missingParam(`Missing ${part === 'body' ? 'key' : 'parameter'} ${name}`)
  }
  const message = name === '' ? issue.message : `${name}: ${issue.message}`
  return part === 'body' && issue.code === 'invalid_type' ? badJson(message) : invalidParam(message)
}
