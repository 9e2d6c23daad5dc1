import { Buffer } from 'node:buffer'
import type { ListedMark } from '../../durable/user/push/notifications.ts'
import { invalidParam } from '../../matrix/errors.ts'
import { log } from '../../runtime/log.ts'
import { type Outcome, unwrap } from '../../runtime/outcome.ts'
import type { MarkPlace } from '../../storage/user/unread-marks.ts'
import type { RequestContext } from '../context.ts'

/** Notifications in a response where the client names no number, and at most. */
const DEFAULT_LIMIT = 20
const MAX_LIMIT = 100
/** Rooms asked at once. */
const ROOMS_AT_ONCE = 32

/** A client's request (client-server-api#get_matrixclientv3notifications). */
export interface NotificationsRequest {
  readonly from: string | undefined
  readonly limit: number | undefined
  readonly onlyHighlights: boolean
}

/**
 * What the user was notified of and has not read, the latest first, as JSON text. Each event is read from its room as the user may see it now; what may
 * not be seen any more is left out.
 * @throws MatrixError M_INVALID_PARAM for a token that is none.
 */
export async function readNotifications(ctx: RequestContext, { from, limit, onlyHighlights }: NotificationsRequest): Promise<string> {
  const count = Math.min(Math.max(limit ?? DEFAULT_LIMIT, 1), MAX_LIMIT)
  const after = from === undefined ? undefined : parsePlace(from)
  const { requester, marks } = unwrap(await ctx.session.notifications(after, onlyHighlights, count))
  const caller = { userId: requester.userId, deviceId: requester.deviceId, requestId: ctx.requestId }
  const shown = new Map<ListedMark, string>()
  const queue = marks.values()
  const workers = Array.from({ length: Math.min(ROOMS_AT_ONCE, marks.length) }, async () => {
    for (const mark of queue) {
      const event = await readEvent(() => ctx.objects.room(mark.roomId).event(caller, { eventId: mark.eventId }))
      if (event !== undefined) shown.set(mark, notificationJson(mark, event))
    }
  })
  await Promise.all(workers)
  const list = marks.flatMap((mark) => shown.get(mark) ?? [])
  const last = marks.length < count ? undefined : marks.at(-1)
  const next = last === undefined ? '' : `"next_token":${JSON.stringify(formatPlace(last))},`
  return `{${next}"notifications":[${list.join(',')}]}`
}

async function readEvent(ask: () => Promise<Outcome<string>>): Promise<string | undefined> {
  try {
    const outcome = await ask()
    return outcome.ok ? outcome.value : undefined
  } catch (cause) {
    log.warn('a room did not show an event of a notification', cause)
    return undefined
  }
}

function notificationJson({ roomId, ts, actions }: ListedMark, event: string): string {
  return `{"actions":${actions},"event":${event},"read":false,"room_id":${JSON.stringify(roomId)},"ts":${ts}}`
}

/*
 * Tokens name a place in the user's own list. They need no MAC: whatever they say, only that user's list is read.
 */

function formatPlace({ ts, roomId, pos }: MarkPlace): string {
  return `n1.${ts}.${pos}.${Buffer.from(roomId, 'utf8').toString('base64url')}`
}

function parsePlace(token: string): MarkPlace {
  const [, ts, pos, room] = /^n1\.(\d{1,15})\.(\d{1,15})\.([\w-]{1,400})$/.exec(token) ?? []
  if (ts === undefined || pos === undefined || room === undefined) throw invalidParam('from is not a token of this endpoint')
  return { ts: Number(ts), pos: Number(pos), roomId: Buffer.from(room, 'base64url').toString('utf8') }
}
