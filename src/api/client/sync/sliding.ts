import * as z from 'zod'
import { UNSTABLE } from '../../../domain/sync/sliding/dialect.ts'
import { slidingSync } from '../../../domain/sync/sliding/sliding.ts'
import { rawJson } from '../../../http/json-response.ts'
import { namedValues } from '../../../http/schema/json.ts'
import { queryInteger } from '../../../http/schema/query.ts'
import { missingToken } from '../../../matrix/errors.ts'
import { endpoint } from '../../endpoint.ts'
import { enabledExtensions, plainExtension, scopedExtension, threadsField, toDeviceExtension } from './sliding-extensions.ts'
import { checkRules, connectionId, filters, fromPairs, range, requiredStatePairs, timelineLimit } from './sliding-schema.ts'

const config = { timeline_limit: timelineLimit.default(0), required_state: requiredStatePairs.default([]) }
const body = z.object({
  conn_id: connectionId,
  lists: namedValues(z.object({ ...config, ranges: z.array(range).max(100).nullish(), range: range.nullish(), filters })).nullish(),
  room_subscriptions: z.record(z.string(), z.object(config)).nullish(),
  extensions: z
    .object({
      to_device: toDeviceExtension(z.int()),
      e2ee: plainExtension,
      account_data: scopedExtension,
      receipts: scopedExtension,
      typing: scopedExtension,
      ...threadsField,
    })
    .nullish(),
})
const query = z.object({
  pos: z.string().optional(),
  timeout: queryInteger().pipe(z.number().min(0)).default(0),
  set_presence: z.enum(['offline', 'online', 'unavailable']).optional(),
})

/** `POST /sync` of simplified sliding sync as clients shipped it before MSC4186 was merged. */
export const postSlidingSync = endpoint(
  {
    method: 'POST',
    path: '/_matrix/client/unstable/org.matrix.simplified_msc3575/sync',
    auth: 'user',
    standing: 'unlocked',
    rateLimit: 'sync',
    query,
    body,
    emptyBody: true,
  },
  async ({ query, body, ctx }) => {
    const { lists, room_subscriptions: subscriptions, extensions } = body
    checkRules(lists ?? {}, subscriptions ?? {})
    // Only names the user in patterns; who asks is established by the session.
    const userId = ctx.claimedUserId
    if (userId === undefined) throw missingToken()
    const request = {
      connectionId: body.conn_id ?? '',
      pos: query.pos === '' ? undefined : query.pos,
      lists: Object.entries(lists ?? {}).map(([name, list]) => ({
        name,
        ranges: list.ranges ?? (list.range ? [list.range] : undefined),
        filters: list.filters,
        config: { timelineLimit: list.timeline_limit, requiredState: fromPairs(list.required_state, userId) },
      })),
      subscriptions: Object.entries(subscriptions ?? {}).map(([roomId, wanted]) => ({
        roomId,
        config: { timelineLimit: wanted.timeline_limit, requiredState: fromPairs(wanted.required_state, userId) },
      })),
      extensions: enabledExtensions(
        {
          toDevice: extensions?.to_device,
          e2ee: extensions?.e2ee,
          accountData: extensions?.account_data,
          receipts: extensions?.receipts,
          typing: extensions?.typing,
          threads: extensions?.['io.element.msc4308.thread_subscriptions'],
        },
        true,
      ),
      setPresence: query.set_presence,
    }
    return rawJson(await slidingSync(ctx, UNSTABLE, request, query.timeout))
  },
)
