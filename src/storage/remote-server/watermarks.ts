import type { ObjectStore } from '../object-store.ts'

/** How far the other server is in a room. */
export interface Watermark {
  readonly roomId: string
  /** Everything up to here is with it. */
  readonly sentPos: number
  /** Whether there is more. */
  readonly dirty: boolean
}

interface Row extends Record<string, SqlStorageValue> {
  readonly room_id: string
  readonly sent_pos: number
  readonly dirty: number
}

function toWatermark(row: Row): Watermark {
  return { roomId: row.room_id, sentPos: row.sent_pos, dirty: row.dirty === 1 }
}

/** The mark of one room, if the room was ever named. */
export function findWatermark(store: ObjectStore, roomId: string): Watermark | undefined {
  const row = store.first<Row>('SELECT room_id, sent_pos, dirty FROM watermarks WHERE room_id = ?', roomId)
  return row === undefined ? undefined : toWatermark(row)
}

/** Sets the mark of a room. The caller holds the transaction. */
export function writeWatermark(store: ObjectStore, { roomId, sentPos, dirty }: Watermark): void {
  store.run('INSERT OR REPLACE INTO watermarks (room_id, sent_pos, dirty) VALUES (?, ?, ?)', roomId, sentPos, dirty ? 1 : 0)
}

/** Rooms that the server was told something of. */
export function knownRooms(store: ObjectStore, limit: number): string[] {
  return store.all<{ room_id: string }>('SELECT room_id FROM watermarks LIMIT ?', limit).map((row) => row.room_id)
}

/** Rooms that have something for the server, in order of their IDs behind `afterRoomId`. */
export function dirtyRooms(store: ObjectStore, afterRoomId: string, limit: number): Watermark[] {
  return store
    .all<Row>(
      'SELECT room_id, sent_pos, dirty FROM watermarks WHERE dirty = 1 AND room_id > ? ORDER BY room_id LIMIT ?',
      afterRoomId,
      limit,
    )
    .map(toWatermark)
}
