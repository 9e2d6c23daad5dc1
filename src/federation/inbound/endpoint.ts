import type { z } from 'zod'
import type { RequestContext } from '../../domain/context.ts'
import { type Endpoint, type EndpointInput, type EndpointSpec, endpointsFor } from '../../http/endpoint.ts'
import type { HandlerResult } from '../../http/json-response.ts'
import { type AuthenticatedServer, unauthenticated } from '../../http/server-authentication.ts'
import { noteContact } from './contact.ts'

/** Declares an endpoint that is neither for users nor for servers in particular; see `api/endpoint.ts`. */
export const publicEndpoint = endpointsFor<RequestContext>()

type Schema = z.ZodType | undefined
type Spec<P extends Schema, Q extends Schema, B extends Schema> = Omit<EndpointSpec<P, Q, B>, 'auth' | 'rateLimit'>
type Input<P extends Schema, Q extends Schema, B extends Schema> = EndpointInput<RequestContext, P, Q, B> & {
  readonly origin: AuthenticatedServer
}

/**
 * Declares an endpoint for other homeservers: handlers run only for requests whose signature has been checked, and receive the server that made
 * it as `origin`.
 */
export function serverEndpoint<P extends Schema = undefined, Q extends Schema = undefined, B extends Schema = undefined>(
  spec: Spec<P, Q, B>,
  handler: (input: Input<P, Q, B>) => HandlerResult | Promise<HandlerResult>,
): Endpoint<RequestContext> {
  return publicEndpoint<P, Q, B>({ ...spec, auth: 'server', rateLimit: 'federation' }, (input) => {
    const { origin } = input
    if (origin === undefined) throw unauthenticated('The request is not signed')
    noteContact(input.ctx, origin.serverName)
    return handler({ ...input, origin })
  })
}
