import type { RequestContext } from '../domain/context.ts'
import type { Endpoint } from '../http/endpoint.ts'
import { accountEndpoints } from './client/account/index.ts'

/** Every endpoint of this server: what is not listed here does not exist. */
export const ENDPOINTS: readonly Endpoint<RequestContext>[] = [...accountEndpoints]
