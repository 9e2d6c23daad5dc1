import type { ObjectStore } from '../object-store.ts'

/** One piece of account data. `roomId` is `''` for global data; `content` is a JSON object as text. */
export interface AccountDataRow {
  readonly roomId: string
  readonly type: string
  readonly content: string
  /** Position among all changes of this user's account data. */
  readonly streamId: number
}

/** Content that stands for nothing (MSC3391): the row stays, because clients that knew something else must hear of it. */
export const DELETED = '{}'

type Columns = { room_id: string; type: string; content: string; stream_id: number }

function decode(row: Columns): AccountDataRow {
  return { roomId: row.room_id, type: row.type, content: row.content, streamId: row.stream_id }
}

/** The content of one type, as JSON text. */
export function readAccountData(store: ObjectStore, roomId: string, type: string): string | undefined {
  return store.first<{ content: string }>('SELECT content FROM account_data WHERE room_id = ? AND type = ?', roomId, type)?.content
}

/** Position of the latest change; 0 when there has been none. */
export function latestAccountDataStreamId(store: ObjectStore): number {
  return store.first<{ latest: number | null }>('SELECT max(stream_id) AS latest FROM account_data')?.latest ?? 0
}

/** How many pieces there are. */
export function countAccountData(store: ObjectStore): number {
  return store.first<{ count: number }>('SELECT count(*) AS count FROM account_data')?.count ?? 0
}

/** Sets the content of one type; answers the position of the change. */
export function writeAccountData(store: ObjectStore, roomId: string, type: string, content: string): number {
  const streamId = latestAccountDataStreamId(store) + 1
  store.run('INSERT OR REPLACE INTO account_data (room_id, type, content, stream_id) VALUES (?, ?, ?, ?)', roomId, type, content, streamId)
  return streamId
}

/** What changed in `(since, upTo]`, oldest first, at most `limit` pieces: global and of every room. With `since` 0: everything there is. */
export function accountDataBetween(store: ObjectStore, since: number, upTo: number, limit: number): AccountDataRow[] {
  return store
    .all<Columns>(
      'SELECT room_id, type, content, stream_id FROM account_data WHERE stream_id > ? AND stream_id <= ? ORDER BY stream_id LIMIT ?',
      since,
      upTo,
      limit,
    )
    .map(decode)
}

/** Everything of one room, or the global data for `''`, what was deleted included. */
export function accountDataOfRoom(store: ObjectStore, roomId: string): AccountDataRow[] {
  return store.all<Columns>('SELECT room_id, type, content, stream_id FROM account_data WHERE room_id = ?', roomId).map(decode)
}

/** Rooms that have account data, deleted or not. One text for many rooms: reading thousands of rows value by value is what would take the time. */
export function readRoomIdsWithAccountData(store: ObjectStore): string[] {
  const row = store.first<{ rooms: string }>(
    "SELECT json_group_array(room_id) AS rooms FROM (SELECT DISTINCT room_id FROM account_data WHERE room_id <> '')",
  )
  return JSON.parse(row?.rooms ?? '[]')
}

/** One type of account data of every room that has it. */
export function accountDataOfType(store: ObjectStore, type: string): AccountDataRow[] {
  return store.all<Columns>("SELECT room_id, type, content, stream_id FROM account_data WHERE type = ? AND room_id <> ''", type).map(decode)
}

/** Forgets what was deleted longest ago; answers whether there was anything. The latest change of all stays: its number must not come again. */
export function forgetOldestDeletion(store: ObjectStore): boolean {
  const oldest = 'SELECT room_id, type FROM account_data WHERE content = ? AND stream_id < ? ORDER BY stream_id LIMIT 1'
  const row = store.first<{ room_id: string; type: string }>(oldest, DELETED, latestAccountDataStreamId(store))
  if (row === undefined) return false
  store.run('DELETE FROM account_data WHERE room_id = ? AND type = ?', row.room_id, row.type)
  return true
}

/** Removes everything; only where the account goes. */
export function deleteAllAccountData(store: ObjectStore): void {
  store.run('DELETE FROM account_data')
}
