import * as z from 'zod'
import { slidingSync } from '../../../domain/sync/sliding/sliding.ts'
import { rawJson } from '../../../http/json-response.ts'
import { namedValues } from '../../../http/schema/json.ts'
import { endpoint } from '../../endpoint.ts'
import { enabledExtensions, extensionFields } from './sliding-extensions.ts'
import { checkListNames, checkRules, connectionId, filters, range, requiredStateObject, timelineLimit } from './sliding-schema.ts'

const config = { timeline_limit: timelineLimit, required_state: requiredStateObject }
const body = z.object({
  conn_id: connectionId,
  pos: z.string().nullish(),
  timeout: z.int().min(0).nullish(),
  set_presence: z.enum(['offline', 'online', 'unavailable']).nullish(),
  lists: namedValues(z.object({ ...config, range: range.nullish(), filters })).nullish(),
  room_subscriptions: z.record(z.string(), z.object(config)).nullish(),
  extensions: z.object({ ...extensionFields, 'org.matrix.msc4508.typing': extensionFields.typing }).nullish(),
})

/** `POST /v4/sync` (MSC4186). Typing goes by the name that MSC4508 has until it is accepted. */
export const postSyncV4 = endpoint(
  { method: 'POST', path: '/_matrix/client/v4/sync', auth: 'user', standing: 'unlocked', rateLimit: 'sync', body, emptyBody: true },
  async ({ body, ctx }) => {
    const { lists, room_subscriptions: subscriptions, extensions } = body
    checkRules(lists ?? {}, subscriptions ?? {})
    checkListNames(lists ?? {})
    const request = {
      connectionId: body.conn_id ?? '',
      pos: body.pos ?? undefined,
      lists: Object.entries(lists ?? {}).map(([name, list]) => ({
        name,
        ranges: list.range ? [list.range] : undefined,
        filters: list.filters,
        config: { timelineLimit: list.timeline_limit, requiredState: list.required_state },
      })),
      subscriptions: Object.entries(subscriptions ?? {}).map(([roomId, wanted]) => ({
        roomId,
        config: { timelineLimit: wanted.timeline_limit, requiredState: wanted.required_state },
      })),
      extensions: enabledExtensions({ ...extensions, typing: extensions?.['org.matrix.msc4508.typing'] }, false),
      setPresence: body.set_presence ?? undefined,
    }
    return rawJson(await slidingSync(ctx, 'v4', request, body.timeout ?? 0))
  },
)
