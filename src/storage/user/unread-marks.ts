import type { ObjectStore } from '../object-store.ts'

/** An event that the user was to be notified of and has not read. */
export interface UnreadMark {
  /** Position in the room. */
  readonly pos: number
  readonly eventId: string
  /** `main`, or the event ID of the thread's root. */
  readonly thread: string
  readonly highlight: boolean
  /** When the user was to be notified, in milliseconds since the epoch. */
  readonly ts: number
  /** What the push rules said to do, as JSON. */
  readonly actions: string
}

type Columns = { room_id: string; pos: number; event_id: string; thread: string; highlight: number; ts: number; actions: string }

function decode(row: Columns): UnreadMark {
  return { pos: row.pos, eventId: row.event_id, thread: row.thread, highlight: row.highlight === 1, ts: row.ts, actions: row.actions }
}

/** Marks of one room in order of position. Bounded by what `UnreadMarks` keeps of a room. */
export function readUnreadMarks(store: ObjectStore, roomId: string): UnreadMark[] {
  return store.all<Columns>('SELECT * FROM unread_marks WHERE room_id = ? ORDER BY pos', roomId).map(decode)
}

/** Rooms that have marks. */
export function readRoomIdsWithMarks(store: ObjectStore): string[] {
  return store.all<{ room_id: string }>('SELECT DISTINCT room_id FROM unread_marks').map((row) => row.room_id)
}

/** Rows that one statement inserts: the platform takes 100 values for one. */
const ROWS_AT_ONCE = 14
const ROW = '(?, ?, ?, ?, ?, ?, ?)'
const INSERT = 'INSERT OR REPLACE INTO unread_marks (room_id, pos, event_id, thread, highlight, ts, actions) VALUES'
const INSERT_ONE = `${INSERT} ${ROW}`
const INSERT_MANY = `${INSERT} ${Array.from({ length: ROWS_AT_ONCE }, () => ROW).join(', ')}`

/** Adds marks of one room. Bounded by what `UnreadMarks` keeps of a room. The caller holds the transaction. */
export function insertUnreadMarks(store: ObjectStore, roomId: string, marks: readonly UnreadMark[]): void {
  const rows = marks.map(({ pos, eventId, thread, highlight, ts, actions }) => [
    roomId,
    pos,
    eventId,
    thread,
    highlight ? 1 : 0,
    ts,
    actions,
  ])
  const inBulk = rows.length - (rows.length % ROWS_AT_ONCE)
  for (let at = 0; at < inBulk; at += ROWS_AT_ONCE) store.run(INSERT_MANY, ...rows.slice(at, at + ROWS_AT_ONCE).flat())
  for (const row of rows.slice(inBulk)) store.run(INSERT_ONE, ...row)
}

/** Removes marks of one room by position. The caller holds the transaction. */
export function deleteUnreadMarks(store: ObjectStore, roomId: string, positions: readonly number[]): void {
  store.run('DELETE FROM unread_marks WHERE room_id = ? AND pos IN (SELECT value FROM json_each(?))', roomId, JSON.stringify(positions))
}

/** How many marks there are in all rooms. */
export function countUnreadMarks(store: ObjectStore): number {
  return store.first<{ count: number }>('SELECT count(*) AS count FROM unread_marks')?.count ?? 0
}

/** A place in the list of marks by time: everything after it is older. */
export interface MarkPlace {
  readonly ts: number
  readonly roomId: string
  readonly pos: number
}

/** Marks of all rooms, the latest first, after a place. */
export function readLatestUnreadMarks(
  store: ObjectStore,
  after: MarkPlace | undefined,
  onlyHighlights: boolean,
  limit: number,
): (UnreadMark & { readonly roomId: string })[] {
  const { ts, roomId, pos } = after ?? { ts: Number.MAX_SAFE_INTEGER, roomId: '', pos: 0 }
  return store
    .all<Columns>(
      `SELECT * FROM unread_marks WHERE (ts, room_id, pos) < (?, ?, ?) AND highlight >= ? ORDER BY ts DESC, room_id DESC, pos DESC LIMIT ?`,
      ts,
      roomId,
      pos,
      onlyHighlights ? 1 : 0,
      limit,
    )
    .map((row) => ({ ...decode(row), roomId: row.room_id }))
}
