import type { ObjectStore } from '../object-store.ts'

/** One entry of a user's feed: from `seq` on, the user knows of what the room has above `fromPos`. */
export interface FeedEntry {
  readonly seq: number
  readonly roomId: string
  /** Exclusive; `null` where the room is new. */
  readonly fromPos: number | null
}

type Columns = { seq: number; room_id: string; from_pos: number | null }

function decode(row: Columns): FeedEntry {
  return { seq: row.seq, roomId: row.room_id, fromPos: row.from_pos }
}

/** The lowest and highest stored sequence numbers, or `undefined` for an empty feed. */
export function readFeedBounds(store: ObjectStore): { readonly first: number; readonly last: number } | undefined {
  const row = store.first<{ first: number | null; last: number | null }>(
    'SELECT (SELECT min(seq) FROM feed) AS first, (SELECT max(seq) FROM feed) AS last',
  )
  return row === undefined || row.first === null || row.last === null ? undefined : { first: row.first, last: row.last }
}

/** Of each room with entries above a sequence number, the first one. Bounded by the entries that a feed keeps. */
export function readFirstEntriesAbove(store: ObjectStore, seq: number): FeedEntry[] {
  // SQLite takes the other columns from the row that has the minimum.
  return store.all<Columns>('SELECT min(seq) AS seq, room_id, from_pos FROM feed WHERE seq > ? GROUP BY room_id', seq).map(decode)
}

/** The first entry of one room above a sequence number. Reads every entry above it until it finds one. */
export function readFirstEntryOf(store: ObjectStore, roomId: string, seq: number): FeedEntry | undefined {
  const row = store.first<Columns>(
    'SELECT seq, room_id, from_pos FROM feed WHERE seq > ? AND room_id = ? ORDER BY seq LIMIT 1',
    seq,
    roomId,
  )
  return row && decode(row)
}

/** Appends an entry. The caller holds the transaction. */
export function insertFeedEntry(store: ObjectStore, entry: FeedEntry): void {
  store.run('INSERT INTO feed (seq, room_id, from_pos) VALUES (?, ?, ?)', entry.seq, entry.roomId, entry.fromPos)
}

/** Of each room with entries up to a sequence number, the last of them: what pruning up to there takes from it. */
export function readLastEntriesUpTo(store: ObjectStore, seq: number): { readonly roomId: string; readonly seq: number }[] {
  return store
    .all<{ room_id: string; seq: number }>('SELECT room_id, max(seq) AS seq FROM feed WHERE seq <= ? GROUP BY room_id', seq)
    .map((row) => ({ roomId: row.room_id, seq: row.seq }))
}

/** Removes entries up to a sequence number. The caller holds the transaction and has noted in the room list what they covered. */
export function deleteFeedEntriesUpTo(store: ObjectStore, seq: number): void {
  store.run('DELETE FROM feed WHERE seq <= ?', seq)
}
