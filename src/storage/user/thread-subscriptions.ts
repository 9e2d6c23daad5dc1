import type { ObjectStore } from '../object-store.ts'

/** What the user has decided about one thread. */
export interface ThreadSubscriptionRow {
  readonly roomId: string
  readonly root: string
  readonly subscribed: boolean
  /** A client subscribed by itself. */
  readonly automatic: boolean
  /** Where the room was when the user unsubscribed. */
  readonly unsubscribedPos: number | undefined
  /** Position among all changes of this user's subscriptions. */
  readonly streamId: number
}

type Columns = {
  stream_id: number
  room_id: string
  root: string
  subscribed: number
  automatic: number
  unsubscribed_pos: number | null
}

const COLUMNS = 'stream_id, room_id, root, subscribed, automatic, unsubscribed_pos'

function decode(row: Columns): ThreadSubscriptionRow {
  return {
    streamId: row.stream_id,
    roomId: row.room_id,
    root: row.root,
    subscribed: row.subscribed === 1,
    automatic: row.automatic === 1,
    unsubscribedPos: row.unsubscribed_pos ?? undefined,
  }
}

/** What was decided last about a thread. */
export function readThreadSubscription(store: ObjectStore, roomId: string, root: string): ThreadSubscriptionRow | undefined {
  const row = store.first<Columns>(`SELECT ${COLUMNS} FROM thread_subscriptions WHERE room_id = ? AND root = ?`, roomId, root)
  return row === undefined ? undefined : decode(row)
}

/** Position of the latest change; 0 when there has been none. */
export function latestThreadSubscription(store: ObjectStore): number {
  return store.first<{ latest: number | null }>('SELECT max(stream_id) AS latest FROM thread_subscriptions')?.latest ?? 0
}

/** Decisions of `(after, upTo]`, the latest first, at most `limit`. */
export function threadSubscriptionsBetween(store: ObjectStore, after: number, upTo: number, limit: number): ThreadSubscriptionRow[] {
  const range = 'WHERE stream_id > ? AND stream_id <= ? ORDER BY stream_id DESC LIMIT ?'
  return store.all<Columns>(`SELECT ${COLUMNS} FROM thread_subscriptions ${range}`, after, upTo, limit).map(decode)
}

/** How many threads the user has decided about. */
export function countThreadSubscriptions(store: ObjectStore): number {
  return store.first<{ count: number }>('SELECT count(*) AS count FROM thread_subscriptions')?.count ?? 0
}

/** Writes a decision in the place of the earlier one about the thread. The caller holds the transaction. */
export function writeThreadSubscription(store: ObjectStore, row: Omit<ThreadSubscriptionRow, 'streamId'>): void {
  store.run(
    `INSERT OR REPLACE INTO thread_subscriptions (${COLUMNS}) VALUES (?, ?, ?, ?, ?, ?)`,
    latestThreadSubscription(store) + 1,
    row.roomId,
    row.root,
    row.subscribed ? 1 : 0,
    row.automatic ? 1 : 0,
    row.unsubscribedPos ?? null,
  )
}

/** Forgets the oldest decision against a thread; answers whether there was one. The latest change of all stays: its number must not come again. */
export function forgetOldestUnsubscription(store: ObjectStore): boolean {
  const latest = latestThreadSubscription(store)
  const row = store.first<{ stream_id: number }>(
    'SELECT stream_id FROM thread_subscriptions WHERE subscribed = 0 AND stream_id < ? ORDER BY stream_id LIMIT 1',
    latest,
  )
  if (row === undefined) return false
  store.run('DELETE FROM thread_subscriptions WHERE stream_id = ?', row.stream_id)
  return true
}

/** Removes everything; only where the account goes. */
export function deleteThreadSubscriptions(store: ObjectStore): void {
  store.run('DELETE FROM thread_subscriptions')
}
