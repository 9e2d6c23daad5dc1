import { controlRoutes } from './api/control/routes.ts'
import { ENDPOINTS } from './api/index.ts'
import { RequestContext } from './domain/context.ts'
import { createRouter } from './http/router.ts'

/** The HTTP side of the server. */
export const app = createRouter(ENDPOINTS, (facts) => new RequestContext(facts)).route('/_myelin/control', controlRoutes)
