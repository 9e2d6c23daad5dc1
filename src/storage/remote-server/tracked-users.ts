import type { ObjectStore } from '../object-store.ts'

/** A user of the other server whose devices somebody here has asked for. */
export interface TrackedUser {
  readonly userId: string
  /** The change that the list stands at; `undefined` where it is not known. */
  readonly streamId: number | undefined
  /** There are changes that the list does not have. */
  readonly stale: boolean
  /** JSON objects. */
  readonly master: string | undefined
  readonly selfSigning: string | undefined
  readonly witness: string
  /** Recent attempts to fetch the list because of changes, and not before when there may be another, in milliseconds since the epoch. */
  readonly resyncs: number
  readonly resyncTs: number
}

interface Row extends Record<string, SqlStorageValue> {
  user_id: string
  stream_id: number | null
  stale: number
  master: string | null
  self_signing: string | null
  witness: string
  resyncs: number
  resync_ts: number
}

const decode = (row: Row): TrackedUser => ({
  userId: row.user_id,
  streamId: row.stream_id ?? undefined,
  stale: row.stale === 1,
  master: row.master ?? undefined,
  selfSigning: row.self_signing ?? undefined,
  witness: row.witness,
  resyncs: row.resyncs,
  resyncTs: row.resync_ts,
})

/** A user who is tracked. */
export function findTracked(store: ObjectStore, userId: string): TrackedUser | undefined {
  const row = store.first<Row>('SELECT * FROM tracked_users WHERE user_id = ?', userId)
  return row === undefined ? undefined : decode(row)
}

/** Stores what is known of a user. The caller holds the transaction. */
export function writeTracked(store: ObjectStore, user: TrackedUser): void {
  store.run(
    `INSERT OR REPLACE INTO tracked_users (user_id, stream_id, stale, master, self_signing, witness, resyncs, resync_ts)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
    user.userId,
    user.streamId ?? null,
    user.stale ? 1 : 0,
    user.master ?? null,
    user.selfSigning ?? null,
    user.witness,
    user.resyncs,
    user.resyncTs,
  )
}

/** Users whose lists have to be fetched again, the longest due first. */
export function staleUsers(store: ObjectStore, limit: number): TrackedUser[] {
  return store.all<Row>('SELECT * FROM tracked_users WHERE stale = 1 ORDER BY resync_ts LIMIT ?', limit).map(decode)
}

/** How many users are tracked. */
export function countTracked(store: ObjectStore): number {
  return store.first<{ n: number }>('SELECT count(*) AS n FROM tracked_users')?.n ?? 0
}

/** Forgets users whom nobody has asked for since they last changed, as many as are named at most. The caller holds the transaction. */
export function forgetUnread(store: ObjectStore, limit: number): void {
  const users = JSON.stringify(
    store
      .all<{ user_id: string }>(
        `SELECT user_id FROM tracked_users AS user
         WHERE NOT EXISTS (SELECT 1 FROM device_readers WHERE device_readers.user_id = user.user_id) LIMIT ?`,
        limit,
      )
      .map(({ user_id: userId }) => userId),
  )
  store.run('DELETE FROM tracked_devices WHERE user_id IN (SELECT value FROM json_each(?))', users)
  store.run('DELETE FROM tracked_users WHERE user_id IN (SELECT value FROM json_each(?))', users)
}
