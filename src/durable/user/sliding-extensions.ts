import { invalidParam, MatrixError } from '../../matrix/errors.ts'
import type { SlidingPlan, SlidingPlannedRoom, SlidingRequest } from '../sliding-protocol.ts'
import { movedSince } from './sliding-moved.ts'
import { formatSlidingToken, parseSlidingToken, type SlidingToken } from './sliding-token.ts'
import { formatThreadToken, threadSubscriptionNews } from './thread-subscriptions.ts'
import type { UserCore } from './user-core.ts'

/** Messages in one response, whatever the client asks for, and their characters (one more message is always allowed). */
const MAX_MESSAGES = 100
const MAX_MESSAGES_CHARS = 2 * 1024 * 1024
/** Under which the positions of the to_device extension are issued: they belong to no connection. */
const TO_DEVICE = 'td'

/**
 * Messages for the device behind the position that the extension itself shows, which is the only acknowledgement of what came before.
 * @throws MatrixError M_INVALID_PARAM for a position that was not issued to this device.
 */
export function toDeviceNews(
  core: UserCore,
  deviceId: string,
  wanted: NonNullable<SlidingRequest['extensions']['toDevice']>,
): NonNullable<SlidingPlan['toDevice']> {
  const { inbox } = core.e2ee
  const { boot } = core.feedKeeper.feed
  const token = wanted.since === undefined ? undefined : parsePosition(core, deviceId, wanted.since)
  const since = inbox.resolve(token?.answer ?? 0, token?.sync.boot === boot)
  inbox.acknowledge(deviceId, since)
  if (inbox.needsFlush) core.feedKeeper.flushSoon()
  const events: string[] = []
  let chars = 0
  let position = since
  for (const { id, event } of inbox.messages(deviceId, since, Math.min(MAX_MESSAGES, Math.max(1, wanted.limit)))) {
    chars += event.length
    if (events.length > 0 && chars > MAX_MESSAGES_CHARS) break
    events.push(event)
    position = id
  }
  const sync = { boot, seq: 0, durable: 0, toDevice: position, accountData: 0, deviceLists: 0, held: new Map<string, number>() }
  const isSame = token !== undefined && wanted.since !== undefined && token.answer === position && token.sync.boot === boot
  return {
    events: events.length === 0 ? undefined : `[${events.join(',')}]`,
    nextBatch: isSame ? wanted.since : formatSlidingToken(core.config, core.userId, deviceId, { nonce: TO_DEVICE, answer: position, sync }),
  }
}

/** The position is the extension's own: that it is wrong says nothing about the connection, which need not start over (MSC4538). */
function parsePosition(core: UserCore, deviceId: string, text: string): SlidingToken {
  try {
    return parseSlidingToken(core.config, core.userId, deviceId, text)
  } catch (cause) {
    if (cause instanceof MatrixError) throw invalidParam('That is not a position of the to_device extension')
    throw cause
  }
}

/** Changes of thread subscriptions as JSON, where there are any, and where the client is afterwards (MSC4308). */
export function threadNews(
  core: UserCore,
  since: SlidingToken | undefined,
  wanted: SlidingRequest['extensions']['threadSubscriptions'],
): { readonly json: string | undefined; readonly position: number } | undefined {
  if (wanted === undefined) return undefined
  const { changes, moreBefore, position } = threadSubscriptionNews(core, since?.threads, wanted.limit)
  if (Object.keys(changes).length === 0) return { json: undefined, position }
  const more = moreBefore === undefined ? {} : { prev_batch: formatThreadToken(moreBefore) }
  return { json: JSON.stringify({ ...changes, ...more }), position }
}

/** What there is to say of keys and devices, and where the client is afterwards. */
export function deviceNews(
  core: UserCore,
  deviceId: string,
  since: SlidingToken | undefined,
  seq: number,
  planned: readonly SlidingPlannedRoom[],
): { readonly e2ee: NonNullable<SlidingPlan['e2ee']>; readonly position: number; readonly memberSeq: number } {
  const { inbox } = core.e2ee
  const { head } = inbox
  const keyCounts = core.e2ee.keyCounts(deviceId)
  if (since === undefined)
    return { e2ee: { keyCounts, devicesChanged: [], moved: [] }, position: head, memberSeq: core.feedKeeper.feed.seq }
  const position = inbox.resolve(since.sync.deviceLists, since.sync.boot === core.feedKeeper.feed.boot)
  const devicesChanged = inbox.changes(position, head)
  const { rooms: moved, upTo: memberSeq } = movedSince(core.feedKeeper.feed, since, seq, new Set(planned.map(({ roomId }) => roomId)))
  return { e2ee: { keyCounts, devicesChanged, moved }, position: devicesChanged.length === 0 ? position : head, memberSeq }
}
