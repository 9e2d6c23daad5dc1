import type { MiddlewareHandler } from 'hono'
import { errorResponse } from '../../http/error-response.ts'
import { nextRequestId } from '../../http/request-id.ts'
import { unrecognized } from '../../matrix/errors.ts'
import type { Env } from '../../runtime/bindings.ts'
import { configOf } from '../../runtime/config.ts'
import { constantTimeEqual } from '../../runtime/constant-time.ts'

const SCHEME = 'Bearer '

/**
 * Lets only the self-hosting program in: it knows the token of this start. Without one configured (on Cloudflare) and for everybody else
 * the control routes do not exist.
 */
export const authorizeControl: MiddlewareHandler<{ Bindings: Env }> = async (c, next) => {
  const expected = configOf(c.env).controlToken
  const header = c.req.header('authorization') ?? ''
  const admitted = expected !== undefined && header.startsWith(SCHEME) && constantTimeEqual(header.slice(SCHEME.length), expected)
  if (!admitted) return errorResponse(unrecognized(), nextRequestId())
  return await next()
}
