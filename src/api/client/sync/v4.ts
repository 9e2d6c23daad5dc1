import * as z from 'zod'
import { type Dialect, type ExtensionNames, PLAIN_NAMES, PROPOSED_NAMES } from '../../../domain/sync/sliding/dialect.ts'
import { slidingSync } from '../../../domain/sync/sliding/sliding.ts'
import type { SlidingExtensions } from '../../../durable/sliding-protocol.ts'
import { rawJson } from '../../../http/json-response.ts'
import { namedValues } from '../../../http/schema/json.ts'
import { endpoint } from '../../endpoint.ts'
import { enabledExtensions, plainExtension, scopedExtension, threadsField, toDeviceExtension } from './sliding-extensions.ts'
import { checkListNames, checkRules, connectionId, filters, range, requiredStateObject, timelineLimit } from './sliding-schema.ts'

const config = { timeline_limit: timelineLimit, required_state: requiredStateObject }
const isPositive = (limit: unknown): boolean => Number.isSafeInteger(limit) && Number(limit) > 0
const toDevice = toDeviceExtension(z.custom<number>(isPositive, 'must be a positive integer'))
const body = z.object({
  conn_id: connectionId,
  pos: z.string().nullish(),
  timeout: z.int().min(0).nullish(),
  set_presence: z.enum(['offline', 'online', 'unavailable']).nullish(),
  lists: namedValues(z.object({ ...config, range: range.nullish(), filters })).nullish(),
  room_subscriptions: z.record(z.string(), z.object(config)).nullish(),
  extensions: z
    .object({
      to_device: toDevice,
      'org.matrix.msc4538.to_device': toDevice,
      e2ee: plainExtension,
      'org.matrix.msc4543.e2ee': plainExtension,
      account_data: scopedExtension,
      'org.matrix.msc4548.account_data': scopedExtension,
      receipts: scopedExtension,
      'org.matrix.msc4551.receipts': scopedExtension,
      typing: scopedExtension,
      'org.matrix.msc4508.typing': scopedExtension,
      ...threadsField,
    })
    .nullish(),
})

/** Extensions go by the names that they have until their proposals are accepted, and by their own; answers call them as the request did. */
function extensionsOf(given: z.output<typeof body>['extensions']): { readonly extensions: SlidingExtensions; readonly dialect: Dialect } {
  const names: ExtensionNames = {
    toDevice: nameIn(given, 'toDevice'),
    e2ee: nameIn(given, 'e2ee'),
    accountData: nameIn(given, 'accountData'),
    receipts: nameIn(given, 'receipts'),
    typing: nameIn(given, 'typing'),
  }
  const extensions = enabledExtensions(
    {
      toDevice: given?.['org.matrix.msc4538.to_device'] ?? given?.to_device,
      e2ee: given?.['org.matrix.msc4543.e2ee'] ?? given?.e2ee,
      accountData: given?.['org.matrix.msc4548.account_data'] ?? given?.account_data,
      receipts: given?.['org.matrix.msc4551.receipts'] ?? given?.receipts,
      typing: given?.['org.matrix.msc4508.typing'] ?? given?.typing,
      threads: given?.['io.element.msc4308.thread_subscriptions'],
    },
    false,
  )
  return { extensions, dialect: { form: 'v4', names } }
}

function nameIn(given: object | null | undefined, extension: keyof ExtensionNames): string {
  const proposed = PROPOSED_NAMES[extension]
  return Object.hasOwn(given ?? {}, proposed) ? proposed : PLAIN_NAMES[extension]
}

/** `POST /v4/sync` (MSC4186). */
export const postSyncV4 = endpoint(
  { method: 'POST', path: '/_matrix/client/v4/sync', auth: 'user', standing: 'unlocked', rateLimit: 'sync', body, emptyBody: true },
  async ({ body, ctx }) => {
    const { lists, room_subscriptions: subscriptions } = body
    const { extensions, dialect } = extensionsOf(body.extensions)
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
      extensions,
      setPresence: body.set_presence ?? undefined,
    }
    return rawJson(await slidingSync(ctx, dialect, request, body.timeout ?? 0))
  },
)
