import { limitExceeded, notFound } from '../../matrix/errors.ts'
import { isJsonObject } from '../../matrix/json.ts'
import { nowMs } from '../../runtime/clock.ts'
import { unwrap } from '../../runtime/outcome.ts'
import { accountExists } from '../../storage/d1/accounts.ts'
import { insertReport, type Report } from '../../storage/d1/reports.ts'
import type { RequestContext } from '../context.ts'
import { isRegistered, roomAccess } from '../rooms/access.ts'

/** After how long somebody who has reported too much may try again, in milliseconds. */
const RETRY_AFTER_MS = 3_600_000

/**
 * Reports an event to the administrators, who see it as the caller does. @throws MatrixError M_NOT_FOUND where the caller is not in the room, or may not see
 * the event; M_LIMIT_EXCEEDED.
 */
export async function reportEvent(ctx: RequestContext, roomId: string, eventId: string, reason: string | undefined): Promise<void> {
  const { caller, membership } = unwrap(await ctx.roomAccess(roomId))
  if (membership !== 'join') throw notFound('The event was not found, or you are not in the room')
  const eventJson = unwrap(await ctx.objects.room(roomId).event(caller, { eventId }))
  const event: unknown = JSON.parse(eventJson)
  const sender = isJsonObject(event) && typeof event.sender === 'string' ? event.sender : undefined
  await file(ctx, { kind: 'event', target: eventId, reporter: caller.userId, roomId, sender, reason, eventJson })
}

/** Reports a room, which the caller need not be in. @throws MatrixError M_NOT_FOUND for rooms that this server does not have, M_LIMIT_EXCEEDED. */
export async function reportRoom(ctx: RequestContext, roomId: string, reason: string): Promise<void> {
  const { caller, membership } = await roomAccess(ctx, roomId)
  if (membership === undefined && !(await isRegistered(ctx, roomId))) throw notFound('The room was not found')
  await file(ctx, { kind: 'room', target: roomId, reporter: caller.userId, roomId, sender: undefined, reason, eventJson: undefined })
}

/**
 * Reports a user of this or another server. Of users of this server that do not exist nothing is said, and nothing filed: nobody learns here who has an
 * account. @throws MatrixError M_LIMIT_EXCEEDED.
 */
export async function reportUser(ctx: RequestContext, userId: string, reason: string): Promise<void> {
  const reporter = unwrap(await ctx.session.whoami()).userId
  const suffix = `:${ctx.config.serverName}`
  const isLocal = userId.endsWith(suffix)
  if (isLocal && !(await accountExists(ctx.registry, userId.slice(1, -suffix.length)))) return
  await file(ctx, { kind: 'user', target: userId, reporter, roomId: undefined, sender: userId, reason, eventJson: undefined })
}

async function file(ctx: RequestContext, report: Omit<Report, 'createdTs'>): Promise<void> {
  if (!(await insertReport(ctx.registry, { ...report, createdTs: nowMs() }))) throw limitExceeded(RETRY_AFTER_MS)
}
