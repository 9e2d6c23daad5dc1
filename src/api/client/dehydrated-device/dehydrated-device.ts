import * as z from 'zod'
import type { DehydratedEvents } from '../../../durable/user/e2ee/dehydrated-device.ts'
import { rawJson } from '../../../http/json-response.ts'
import { jsonObject } from '../../../http/schema/json.ts'
import { unwrap } from '../../../runtime/outcome.ts'
import { endpoint } from '../../endpoint.ts'
import { optionalObject } from '../keys/schema.ts'

const PATH = '/_matrix/client/unstable/org.matrix.msc3814.v1/dehydrated_device'
const MAX_BODY_BYTES = 2 * 1024 * 1024
const Params = z.object({ deviceId: z.string() })

/** `PUT …/dehydrated_device` (MSC3814). */
export const putDehydratedDevice = endpoint(
  {
    method: 'PUT',
    path: PATH,
    auth: 'user',
    standing: 'unlocked',
    rateLimit: 'account',
    body: z.object({
      device_id: z.string(),
      device_data: jsonObject,
      initial_device_display_name: z.string().nullish(),
      device_keys: jsonObject,
      one_time_keys: optionalObject,
      fallback_keys: optionalObject,
    }),
    maxBodyBytes: MAX_BODY_BYTES,
    numbers: 'integers',
  },
  async ({ body, ctx }) => {
    const keys = { deviceKeys: body.device_keys, oneTimeKeys: body.one_time_keys, fallbackKeys: body.fallback_keys }
    const displayName = body.initial_device_display_name ?? undefined
    unwrap(await ctx.session.putDehydratedDevice({ deviceId: body.device_id, deviceData: body.device_data, displayName, keys }))
    return { device_id: body.device_id }
  },
)

/** `GET …/dehydrated_device` (MSC3814). */
export const getDehydratedDevice = endpoint({ method: 'GET', path: PATH, auth: 'user', rateLimit: 'read' }, async ({ ctx }) => {
  const { deviceId, deviceData } = unwrap(await ctx.session.dehydratedDevice())
  return rawJson(`{"device_id":${JSON.stringify(deviceId)},"device_data":${deviceData}}`)
})

/** `DELETE …/dehydrated_device` (MSC3814). */
export const deleteDehydratedDevice = endpoint(
  { method: 'DELETE', path: PATH, auth: 'user', standing: 'unlocked', rateLimit: 'account' },
  async ({ ctx }) => ({
    device_id: unwrap(await ctx.session.deleteDehydratedDevice()),
  }),
)

/** `GET …/dehydrated_device/{deviceId}/events` (MSC3814): without `next_batch` there is nothing more. */
export const getDehydratedEvents = endpoint(
  {
    method: 'GET',
    path: `${PATH}/:deviceId/events`,
    auth: 'user',
    rateLimit: 'read',
    params: Params,
    query: z.object({ from: z.string().optional() }),
  },
  async ({ params, query, ctx }) => {
    const page = unwrap(await ctx.session.dehydratedEvents(params.deviceId, query.from))
    return rawJson(eventsJson(page, page.more))
  },
)

/** `POST …/dehydrated_device/{deviceId}/events`, as earlier clients ask: they stop at an answer without events. */
export const postDehydratedEvents = endpoint(
  {
    method: 'POST',
    path: `${PATH}/:deviceId/events`,
    auth: 'user',
    standing: 'unlocked',
    rateLimit: 'read',
    params: Params,
    body: z.object({ next_batch: z.string().nullish() }),
    emptyBody: true,
  },
  async ({ params, body, ctx }) =>
    rawJson(eventsJson(unwrap(await ctx.session.dehydratedEvents(params.deviceId, body.next_batch ?? undefined)), true)),
)

function eventsJson({ events, nextBatch }: DehydratedEvents, withNextBatch: boolean): string {
  const next = withNextBatch ? `,"next_batch":${JSON.stringify(nextBatch)}` : ''
  return `{"events":[${events.join(',')}]${next}}`
}
