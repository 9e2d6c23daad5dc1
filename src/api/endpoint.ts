import type { RequestContext } from '../domain/context.ts'
import { endpointsFor } from '../http/endpoint.ts'

/**
 * Declares an endpoint of this server. The handler returns a plain JSON object, `rawJson(text)` for text that is JSON already, or a Response.
 * List what it returns in its family's list, and the family in `api/index.ts`.
 */
export const endpoint = endpointsFor<RequestContext>()
