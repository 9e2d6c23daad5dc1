import { invalidParam, MatrixError, notFound, tooLarge } from '../../matrix/errors.ts'
import {
  countThreadSubscriptions,
  forgetOldestUnsubscription,
  latestThreadSubscription,
  readThreadSubscription,
  type ThreadSubscriptionRow,
  threadSubscriptionsBetween,
  writeThreadSubscription,
} from '../../storage/user/thread-subscriptions.ts'
import { wakeParkedSoon } from './parking-wake.ts'
import { isSlidingToken, parseSlidingToken } from './sliding-token.ts'
import type { UserCore } from './user-core.ts'

/** Threads that one user has decided about. */
const MAX_THREADS = 20_000
/** Subscriptions in one response. */
const MAX_PAGE = 200

/** A thread by the room and the ID of its root. The Worker has asked the room whether the user may see the root. */
export interface ThreadKey {
  readonly roomId: string
  readonly root: string
}

/**
 * Subscribes to a thread (MSC4306). Without a cause the user has asked for it, which wins over a client's own doing; with one it is a client's doing, and
 * void where the user has unsubscribed since the event at the position `causePos`.
 * @throws MatrixError 409 for what is void, M_TOO_LARGE for more than {@link MAX_THREADS} threads.
 */
export function subscribeToThread(core: UserCore, key: ThreadKey, causePos: number | undefined, requestId: string): void {
  const before = readThreadSubscription(core.store, key.roomId, key.root)
  const automatic = causePos !== undefined
  if (before?.subscribed && (automatic || !before.automatic)) return
  if (causePos !== undefined && before?.unsubscribedPos !== undefined && causePos <= before.unsubscribedPos) {
    throw new MatrixError(409, 'IO.ELEMENT.MSC4306.M_CONFLICTING_UNSUBSCRIPTION', 'You have unsubscribed from the thread since')
  }
  write(core, { ...key, subscribed: true, automatic, unsubscribedPos: undefined }, before, requestId)
}

/** Unsubscribes from a thread when its room is at `headPos`: what has come up to there gives rise to no automatic subscription any more. */
export function unsubscribeFromThread(core: UserCore, key: ThreadKey, headPos: number, requestId: string): void {
  const before = readThreadSubscription(core.store, key.roomId, key.root)
  if (!before?.subscribed) return
  write(core, { ...key, subscribed: false, automatic: false, unsubscribedPos: headPos }, before, requestId)
}

/** The subscription to a thread. @throws M_NOT_FOUND where there is none. */
export function threadSubscription(core: UserCore, { roomId, root }: ThreadKey): { readonly automatic: boolean } {
  const row = readThreadSubscription(core.store, roomId, root)
  if (!row?.subscribed) throw notFound('You are not subscribed to that thread')
  return { automatic: row.automatic }
}

/** Whether the user is subscribed to a thread. */
export function isSubscribedTo(core: UserCore, { roomId, root }: ThreadKey): boolean {
  return readThreadSubscription(core.store, roomId, root)?.subscribed === true
}

function write(
  core: UserCore,
  row: Omit<ThreadSubscriptionRow, 'streamId'>,
  before: ThreadSubscriptionRow | undefined,
  requestId: string,
): void {
  core.store.transaction(requestId, () => {
    const isFull = before === undefined && countThreadSubscriptions(core.store) >= MAX_THREADS
    if (isFull && !forgetOldestUnsubscription(core.store)) throw tooLarge('There are too many thread subscriptions')
    writeThreadSubscription(core.store, row)
  })
  wakeParkedSoon(core)
}

/** Changes of subscriptions as clients are told of them (MSC4308), and where they are afterwards. */
export interface ThreadSubscriptionNews {
  /** Members `subscribed` and `unsubscribed`; empty where nothing has changed. */
  readonly changes: Readonly<Record<string, unknown>>
  /** Before which position there is more; `undefined` where there is not. */
  readonly moreBefore: number | undefined
  readonly position: number
}

/** The latest changes after a position; without one, or with one of a database that was lost, the latest of all. */
export function threadSubscriptionNews(core: UserCore, since: number | undefined, limit: number): ThreadSubscriptionNews {
  const position = latestThreadSubscription(core.store)
  const after = since === undefined || since > position ? 0 : since
  return after === position ? { changes: {}, moreBefore: undefined, position } : { ...pageOf(core, after, position, limit), position }
}

function pageOf(core: UserCore, after: number, upTo: number, limit: number): Omit<ThreadSubscriptionNews, 'position'> {
  const wanted = Math.max(1, Math.min(limit, MAX_PAGE))
  const rows = threadSubscriptionsBetween(core.store, after, upTo, wanted + 1)
  const shown = rows.slice(0, wanted)
  const subscribed = byRoom(shown.filter((row) => row.subscribed))
  const unsubscribed = byRoom(shown.filter((row) => !row.subscribed))
  return {
    changes: { ...(subscribed === undefined ? {} : { subscribed }), ...(unsubscribed === undefined ? {} : { unsubscribed }) },
    moreBefore: rows.length > wanted ? shown.at(-1)?.streamId : undefined,
  }
}

function byRoom(rows: readonly ThreadSubscriptionRow[]): Record<string, Record<string, unknown>> | undefined {
  if (rows.length === 0) return undefined
  const rooms: Record<string, Record<string, unknown>> = {}
  for (const { roomId, root, subscribed, automatic, streamId } of rows) {
    rooms[roomId] ??= {}
    rooms[roomId][root] = subscribed ? { automatic, bump_stamp: streamId } : { bump_stamp: streamId }
  }
  return rooms
}

/** What the endpoint beside sliding sync is asked: tokens as clients have them. */
export interface ThreadSubscriptionPage {
  readonly from: string | undefined
  readonly to: string | undefined
  readonly limit: number
}

const TOKEN = /^t([0-9a-z]{1,11})$/

/** Where a page goes on. */
export function formatThreadToken(moreBefore: number): string {
  return `t${moreBefore.toString(36)}`
}

/** Changes of subscriptions, read backwards (MSC4308), as JSON. @throws MatrixError M_INVALID_PARAM for tokens that were never issued. */
export function threadSubscriptionPage(core: UserCore, deviceId: string, { from, to, limit }: ThreadSubscriptionPage): string {
  const upTo = from === undefined ? latestThreadSubscription(core.store) : parseThreadToken(from) - 1
  const { changes, moreBefore } = pageOf(core, to === undefined ? 0 : startOf(core, deviceId, to), upTo, limit)
  return JSON.stringify({ ...changes, ...(moreBefore === undefined ? {} : { end: formatThreadToken(moreBefore) }) })
}

function parseThreadToken(text: string): number {
  const digits = TOKEN.exec(text)?.[1]
  if (digits === undefined) throw invalidParam('That is not a token of thread subscriptions')
  return Number.parseInt(digits, 36)
}

/** The position of sliding sync up to which the client knows everything. */
function startOf(core: UserCore, deviceId: string, text: string): number {
  if (!isSlidingToken(text)) return parseThreadToken(text)
  return parseSlidingToken(core.config, core.userId, deviceId, text).threads ?? 0
}
