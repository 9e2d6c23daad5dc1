import type { z } from 'zod'
import type { AuthRequirement } from './authentication.ts'
import type { RateLimitClass, StandingNeeded } from './context.ts'
import type { HandlerResult } from './json-response.ts'
import type { AuthenticatedServer } from './server-authentication.ts'

/** Methods that endpoints may have; OPTIONS is answered for every path. */
export type Method = 'GET' | 'POST' | 'PUT' | 'DELETE'

/** Whether an absent body counts as `{}`. */
export type EmptyBody = boolean | ((request: Request) => boolean)

/** A schema of request input, or none. */
type Schema = z.ZodType | undefined
/** What a handler receives where its endpoint has a schema; nothing where it has none. */
type Parsed<S extends Schema> = S extends z.ZodType ? z.output<S> : undefined

/** What an endpoint is, apart from what it does: data that routing, validation, documentation and coverage tests read. */
export interface EndpointSpec<P extends Schema, Q extends Schema, B extends Schema> {
  readonly method: Method
  /** Path or paths from the root, parameters as `:name`. A last segment `:name?` may be empty or absent, and is then `''`. */
  readonly path: string | readonly string[]
  readonly auth: AuthRequirement
  readonly rateLimit: RateLimitClass
  /** Which accounts may use it: by default, suspended ones may read and no more. */
  readonly standing?: StandingNeeded
  /** Path parameters, each decoded exactly once. */
  readonly params?: P
  /** Query parameters: strings, or arrays of strings for repeated ones (see `http/schema/query.ts`). */
  readonly query?: Q
  /** JSON body. Without a schema the body is not read. */
  readonly body?: B
  /** An absent body counts as `{}`, always or in some requests. For endpoints whose body has no required keys, because clients leave it out. */
  readonly emptyBody?: EmptyBody
  readonly maxBodyBytes?: number
  /** Numbers in the body: `integers` where it becomes part of an event (appendices#canonical-json), else `any`. */
  readonly numbers?: 'integers' | 'any'
}

/** What a handler receives. */
export interface EndpointInput<Context, P extends Schema, Q extends Schema, B extends Schema> {
  readonly params: Parsed<P>
  readonly query: Parsed<Q>
  readonly body: Parsed<B>
  readonly ctx: Context
  readonly request: Request
  /** Who sent the request, on endpoints for servers; `undefined` on all others. */
  readonly origin: AuthenticatedServer | undefined
}

/** A declared endpoint, its types closed over: what the registry lists and the router mounts. */
export interface Endpoint<Context> {
  readonly method: Method
  readonly paths: readonly string[]
  readonly auth: AuthRequirement
  readonly rateLimit: RateLimitClass
  readonly standing: StandingNeeded
  readonly schemas: { readonly params: Schema; readonly query: Schema; readonly body: Schema }
  readonly emptyBody: EmptyBody
  readonly maxBodyBytes: number | undefined
  readonly numbers: 'integers' | 'any'
  /** Runs the handler on input that has passed the schemas. */
  handle(input: EndpointInput<Context, Schema, Schema, Schema>): HandlerResult | Promise<HandlerResult>
}

/**
 * Declares endpoints for one kind of context. `api/endpoint.ts` has the one for handlers of this server:
 * `endpoint({ method, path, auth, rateLimit, params?, query?, body? }, async ({ params, query, body, ctx }) => ({ … }))`.
 */
export function endpointsFor<Context>() {
  return <P extends Schema = undefined, Q extends Schema = undefined, B extends Schema = undefined>(
    spec: EndpointSpec<P, Q, B>,
    handler: (input: EndpointInput<Context, P, Q, B>) => HandlerResult | Promise<HandlerResult>,
  ): Endpoint<Context> => ({
    method: spec.method,
    paths: typeof spec.path === 'string' ? [spec.path] : spec.path,
    auth: spec.auth,
    rateLimit: spec.rateLimit,
    standing: spec.standing ?? (spec.method === 'GET' ? 'unlocked' : 'unrestricted'),
    schemas: { params: spec.params, query: spec.query, body: spec.body },
    emptyBody: spec.emptyBody ?? false,
    maxBodyBytes: spec.maxBodyBytes,
    numbers: spec.numbers ?? 'any',
    // The router has parsed the input with exactly the schemas above.
    handle: (input) => handler(input as EndpointInput<Context, P, Q, B>),
  })
}
