import * as z from 'zod'
import { readReport, readReports, removeReport } from '../../domain/moderation/read-reports.ts'
import { queryInteger } from '../../http/schema/query.ts'
import type { JsonObject } from '../../matrix/json.ts'
import type { StoredReport } from '../../storage/d1/reports.ts'
import { endpoint } from '../endpoint.ts'

const V1 = '/_synapse/admin/v1'
const PAGE = 100
const MAX_PAGE = 500
const KINDS = [
  { kind: 'event', name: 'event_reports' },
  { kind: 'room', name: 'room_reports' },
  { kind: 'user', name: 'user_reports' },
] as const

const reportId = z.object({
  id: z
    .string()
    .regex(/^\d{1,15}$/)
    .transform(Number),
})
const listQuery = z.object({
  from: queryInteger().pipe(z.number().min(0)).default(0),
  limit: queryInteger().pipe(z.number().min(1).max(MAX_PAGE)).default(PAGE),
  dir: z.enum(['b', 'f']).default('b'),
  user_id: z.string().optional(),
  room_id: z.string().optional(),
  event_sender_user_id: z.string().optional(),
})

/** A report as Synapse's tools read it; `sender` is who is meant. */
function rendered({ id, kind, target, reporter, roomId, sender, reason, createdTs }: StoredReport) {
  const common = { id, received_ts: createdTs, user_id: reporter, reason: reason ?? null }
  if (kind === 'event') return { ...common, event_id: target, room_id: roomId, sender: sender ?? null, score: null }
  return kind === 'room' ? { ...common, room_id: target } : { ...common, target_user_id: target }
}

/**
 * What users have reported, for administrators: `GET /_synapse/admin/v1/event_reports`, `GET` and `DELETE …/{id}` as Synapse has them, and the same of rooms
 * (`room_reports`) and users (`user_reports`).
 */
export const reportAdminEndpoints = KINDS.flatMap(({ kind, name }) => [
  endpoint({ method: 'GET', path: `${V1}/${name}`, auth: 'user', rateLimit: 'read', query: listQuery }, async ({ query, ctx }) => {
    const { reports, total, next } = await readReports(ctx, {
      ...{ kind, reporter: query.user_id, roomId: query.room_id, sender: query.event_sender_user_id },
      ...{ newestFirst: query.dir === 'b', offset: query.from, limit: query.limit },
    })
    return { [name]: reports.map(rendered), total, ...(next !== undefined && { next_token: next }) }
  }),
  endpoint({ method: 'GET', path: `${V1}/${name}/:id`, auth: 'user', rateLimit: 'read', params: reportId }, async ({ params, ctx }) => {
    const report = await readReport(ctx, kind, params.id)
    const event: JsonObject | undefined = report.eventJson === undefined ? undefined : JSON.parse(report.eventJson)
    return { ...rendered(report), ...(event !== undefined && { event_json: event }) }
  }),
  endpoint({ method: 'DELETE', path: `${V1}/${name}/:id`, auth: 'user', rateLimit: 'write', params: reportId }, async ({ params, ctx }) => {
    await removeReport(ctx, kind, params.id)
    return {}
  }),
])
