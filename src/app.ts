import { controlRoutes } from './api/control/routes.ts'
import { ENDPOINTS } from './api/index.ts'
import { RequestContext } from './domain/context.ts'
import { FEDERATION_ENDPOINTS } from './federation/inbound/index.ts'
import { findRequestKey } from './federation/inbound/request-key.ts'
import { createRouter } from './http/router.ts'
import { webRoutes } from './web/index.ts'

/** The HTTP side of the server. */
export const app = createRouter([...ENDPOINTS, ...FEDERATION_ENDPOINTS], (facts) => new RequestContext(facts), findRequestKey)
  .route('/_myelin/control', controlRoutes)
  .route('/', webRoutes)
