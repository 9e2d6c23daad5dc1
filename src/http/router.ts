import { Hono, type Context as HonoContext } from 'hono'
import { methodNotAllowed, unrecognized } from '../matrix/errors.ts'
import type { Env } from '../runtime/bindings.ts'
import type { DisposableContext } from './context.ts'
import { preflightResponse } from './cors.ts'
import type { Endpoint } from './endpoint.ts'
import { errorResponse } from './error-response.ts'
import { pathVariants, rawPathOf } from './path.ts'
import { nextRequestId } from './request-id.ts'
import { type ContextFactory, serve } from './serve.ts'
import type { FindRequestKey } from './server-authentication.ts'

type App = Hono<{ Bindings: Env }>
const METHODS = ['GET', 'POST', 'PUT', 'DELETE'] as const

/**
 * An application that serves the given endpoints, and answers every other path and method in Matrix's own terms
 * (client-server-api#common-error-codes): OPTIONS anywhere, 405 for a known path, 404 for the rest, both M_UNRECOGNIZED.
 * Paths are routed as they came, undecoded (P9). Without `findRequestKey` no request of another server is believed.
 */
export function createRouter<Context extends DisposableContext>(
  endpoints: readonly Endpoint<Context>[],
  makeContext: ContextFactory<Context>,
  findRequestKey?: FindRequestKey,
): App {
  const app: App = new Hono({ getPath: rawPathOf })
  for (const endpoint of endpoints) {
    // One handler a route and no middleware: Hono then calls it without composing a chain.
    const handler = (c: HonoContext<{ Bindings: Env }>) =>
      serve(endpoint, makeContext, c.req.raw, c.req.param(), c.env, c.executionCtx, findRequestKey)
    for (const path of endpoint.paths.flatMap(pathVariants)) app.on(endpoint.method, path, handler)
  }
  app.notFound((c) => {
    if (c.req.method === 'OPTIONS') return preflightResponse()
    const known = METHODS.some((method) => app.router.match(method, c.req.path)[0].length > 0)
    return errorResponse(known ? methodNotAllowed() : unrecognized(), nextRequestId())
  })
  app.onError((cause) => errorResponse(cause, nextRequestId()))
  return app
}
