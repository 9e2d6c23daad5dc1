import * as z from 'zod'
import { sync } from '../../../domain/sync/v3/sync.ts'
import { rawJson } from '../../../http/json-response.ts'
import { clientPaths } from '../../../http/path.ts'
import { queryBoolean, queryInteger } from '../../../http/schema/query.ts'
import { endpoint } from '../../endpoint.ts'

const query = z.object({
  since: z.string().optional(),
  timeout: queryInteger().pipe(z.number().min(0)).default(0),
  filter: z.string().optional(),
  full_state: queryBoolean().default(false),
  use_state_after: queryBoolean().optional(),
  'org.matrix.msc4222.use_state_after': queryBoolean().default(false),
  set_presence: z.enum(['offline', 'online', 'unavailable']).optional(),
})

/** `GET /sync` (client-server-api#get_matrixclientv3sync), with `use_state_after` also under its unstable name (MSC4222). */
export const getSync = endpoint(
  { method: 'GET', path: clientPaths('sync'), auth: 'user', rateLimit: 'sync', query },
  async ({ query, ctx }) =>
    rawJson(
      await sync(ctx, {
        since: query.since === '' ? undefined : query.since,
        timeoutMs: query.timeout,
        fullState: query.full_state,
        stateKey: query.use_state_after
          ? 'state_after'
          : query['org.matrix.msc4222.use_state_after']
            ? 'org.matrix.msc4222.state_after'
            : 'state',
        filter: query.filter,
        setPresence: query.set_presence,
      }),
    ),
)
