import { Hono } from 'hono'
import type { Env } from '../../runtime/bindings.ts'
import { abort } from './abort.ts'
import { authorizeControl } from './authorize.ts'
import { drain } from './drain.ts'
import { metrics } from './metrics.ts'
import { sweepMedia } from './sweep-media.ts'

/** What the self-hosting program asks of its Worker; mounted under `/_myelin/control`. */
export const controlRoutes = new Hono<{ Bindings: Env }>()
  .use(authorizeControl)
  .get('/metrics', metrics)
  .post('/drain', drain)
  .post('/abort', abort)
  .post('/sweep-media', sweepMedia)
