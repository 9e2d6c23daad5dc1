import type { z } from 'zod'
import { MatrixError, notJson } from '../matrix/errors.ts'
import type { Env } from '../runtime/bindings.ts'
import { clientAddress as clientAddressOf } from '../runtime/client-address.ts'
import { nowMs } from '../runtime/clock.ts'
import { type Config, configOf } from '../runtime/config.ts'
import { requestStarted } from '../runtime/draining.ts'
import { authenticate } from './authentication.ts'
import { DEFAULT_MAX_BODY_BYTES, readJsonObject } from './body-reader.ts'
import { type DisposableContext, type RequestFacts, UNKNOWN_ADDRESS } from './context.ts'
import { CORS_HEADERS } from './cors.ts'
import type { Endpoint } from './endpoint.ts'
import { errorResponse } from './error-response.ts'
import { type HandlerResult, jsonResponse } from './json-response.ts'
import { checkEncodedPath } from './path.ts'
import { parseQuery } from './query.ts'
import { chargeAddress, chargeServer, checkAddress } from './rate-limit.ts'
import { nextRequestId } from './request-id.ts'
import { type RequestPart, schemaProblem } from './schema-problems.ts'
import {
  type AuthenticatedServer,
  authenticateServer,
  type FindRequestKey,
  readServerCredential,
  unauthenticated,
} from './server-authentication.ts'

/** Makes what handlers receive out of what is known of a request. */
export type ContextFactory<Context> = (facts: RequestFacts) => Context

/** One request to one endpoint: limits, credential, input, handler, answer. Never throws. */
export async function serve<Context extends DisposableContext>(
  endpoint: Endpoint<Context>,
  makeContext: ContextFactory<Context>,
  request: Request,
  params: Readonly<Record<string, string>>,
  env: Env,
  execution: Pick<ExecutionContext, 'waitUntil'>,
  findRequestKey?: FindRequestKey,
): Promise<Response> {
  const requestId = nextRequestId()
  const requestFinished = requestStarted()
  let context: Context | undefined
  try {
    checkEncodedPath(request.url)
    const config = configOf(env)
    const clientAddress = clientAddressOf(request, config) ?? UNKNOWN_ADDRESS
    const token = authenticate(endpoint.auth, request, config)
    const origin =
      endpoint.auth === 'server' ? await originOf(endpoint, request, env, config, clientAddress, requestId, findRequestKey) : undefined
    if (origin === undefined && token === undefined && config.rateLimits) chargeAddress(endpoint.rateLimit, clientAddress, nowMs())
    const waitUntil = (work: Promise<unknown>): void => execution.waitUntil(work)
    context = makeContext({
      env,
      config,
      requestId,
      clientAddress,
      rateLimit: endpoint.rateLimit,
      standing: endpoint.standing,
      token,
      waitUntil,
    })
    const { schemas } = endpoint
    const result = await endpoint.handle({
      params: parsePart('path', schemas.params, params),
      query: schemas.query === undefined ? undefined : parsePart('query', schemas.query, parseQuery(request.url)),
      body: schemas.body === undefined ? undefined : parsePart('body', schemas.body, await bodyOf(endpoint, request, origin)),
      ctx: context,
      request,
      origin,
    })
    return render(result, requestId)
  } catch (cause) {
    return errorResponse(cause, requestId)
  } finally {
    context?.close()
    requestFinished()
  }
}

/** The server that signed a request. What does not turn out to be signed counts against its address (SECURITY F19). */
async function originOf<Context>(
  endpoint: Endpoint<Context>,
  request: Request,
  env: Env,
  config: Config,
  address: string,
  requestId: string,
  findRequestKey: FindRequestKey | undefined,
): Promise<AuthenticatedServer> {
  if (config.rateLimits) checkAddress('unsigned', address, nowMs())
  const { maxBodyBytes = DEFAULT_MAX_BODY_BYTES, schemas } = endpoint
  try {
    const credential = readServerCredential(request, config)
    const publicKey = await findRequestKey?.(env, requestId, credential.origin, credential.keyId)
    if (publicKey === undefined) throw unauthenticated('The key of the signature is not known')
    const expectsBody = schemas.body !== undefined
    const origin = await authenticateServer(request, credential, publicKey, config.serverName, maxBodyBytes, expectsBody)
    if (config.rateLimits) chargeServer(endpoint.rateLimit, origin.serverName, nowMs())
    return origin
  } catch (cause) {
    if (config.rateLimits && cause instanceof MatrixError && cause.status === 401) chargeAddress('unsigned', address, nowMs())
    throw cause
  }
}

async function bodyOf<Context>(
  endpoint: Endpoint<Context>,
  request: Request,
  origin: AuthenticatedServer | undefined,
): ReturnType<typeof readJsonObject> {
  const { maxBodyBytes = DEFAULT_MAX_BODY_BYTES, numbers } = endpoint
  const emptyBody = typeof endpoint.emptyBody === 'function' ? endpoint.emptyBody(request) : endpoint.emptyBody
  if (origin !== undefined) {
    if (origin.body === undefined && !emptyBody) throw notJson()
    return origin.body ?? {}
  }
  return readJsonObject(request, { maxBytes: maxBodyBytes, emptyBody, numbers })
}

function parsePart(part: RequestPart, schema: z.ZodType | undefined, input: unknown): unknown {
  if (schema === undefined) return undefined
  const parsed = schema.safeParse(input, { reportInput: true })
  if (!parsed.success) throw schemaProblem(part, parsed.error)
  return parsed.data
}

function render(result: HandlerResult, requestId: string): Response {
  if (!(result instanceof Response)) return jsonResponse(result, { requestId })
  if (result.webSocket || result.headers.has('Access-Control-Allow-Origin')) return result
  const response = new Response(result.body, result)
  for (const [name, value] of Object.entries(CORS_HEADERS)) response.headers.set(name, value)
  return response
}
