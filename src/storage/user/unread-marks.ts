import type { ObjectStore } from '../object-store.ts'

/** An event that the user was to be notified of and has not read. */
export interface UnreadMark {
  /** Position in the room. */
  readonly pos: number
  readonly eventId: string
  /** `main`, or the event ID of the thread's root. */
  readonly thread: string
  readonly highlight: boolean
}

type Columns = { room_id: string; pos: number; event_id: string; thread: string; highlight: number }

function decode(row: Columns): UnreadMark {
  return { pos: row.pos, eventId: row.event_id, thread: row.thread, highlight: row.highlight === 1 }
}

/** Marks of one room in order of position. Bounded by what `UnreadMarks` keeps of a room. */
export function readUnreadMarks(store: ObjectStore, roomId: string): UnreadMark[] {
  return store.all<Columns>('SELECT * FROM unread_marks WHERE room_id = ? ORDER BY pos', roomId).map(decode)
}

/** Rooms that have marks. */
export function readRoomIdsWithMarks(store: ObjectStore): string[] {
  return store.all<{ room_id: string }>('SELECT DISTINCT room_id FROM unread_marks').map((row) => row.room_id)
}

/** Adds a mark. The caller holds the transaction. */
export function insertUnreadMark(store: ObjectStore, roomId: string, mark: UnreadMark): void {
  store.run(
    'INSERT OR REPLACE INTO unread_marks (room_id, pos, event_id, thread, highlight) VALUES (?, ?, ?, ?, ?)',
    roomId,
    mark.pos,
    mark.eventId,
    mark.thread,
    mark.highlight ? 1 : 0,
  )
}

/** Removes marks of one room by position. The caller holds the transaction. */
export function deleteUnreadMarks(store: ObjectStore, roomId: string, positions: readonly number[]): void {
  store.run('DELETE FROM unread_marks WHERE room_id = ? AND pos IN (SELECT value FROM json_each(?))', roomId, JSON.stringify(positions))
}
