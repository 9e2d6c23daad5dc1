import type { ObjectStore } from '../object-store.ts'

/** Rooms of which the client of a connection has been told everything that extensions have to say, with the extensions as bits. One text for all: see sliding-connections.ts. */
export function readToldRooms(store: ObjectStore, nonce: string): Map<string, number> {
  const row = store.first<{ rooms: string }>(
    'SELECT json_group_array(json_array(room_id, told)) AS rooms FROM sliding_scopes WHERE nonce = ?',
    nonce,
  )
  const tuples: [string, number][] = JSON.parse(row?.rooms ?? '[]')
  return new Map(tuples)
}

/** Writes of which extensions a room is told; 0: of none. The caller holds the transaction. */
export function writeToldRoom(store: ObjectStore, nonce: string, roomId: string, told: number): void {
  if (told === 0) store.run('DELETE FROM sliding_scopes WHERE nonce = ? AND room_id = ?', nonce, roomId)
  else store.run('INSERT OR REPLACE INTO sliding_scopes (nonce, room_id, told) VALUES (?, ?, ?)', nonce, roomId, told)
}

/** Forgets what a connection has been told. The caller holds the transaction. */
export function deleteToldRooms(store: ObjectStore, nonce: string): void {
  store.run('DELETE FROM sliding_scopes WHERE nonce = ?', nonce)
}
