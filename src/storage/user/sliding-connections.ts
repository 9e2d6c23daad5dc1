import type { ObjectStore } from '../object-store.ts'
import { deleteToldRooms } from './sliding-scopes.ts'

/** Rooms read at once: their text stays far below what one value may have. */
const PAGE_ROOMS = 4_000

/** A connection of sliding sync as far as its client is known to be. */
export interface ConnectionRow {
  readonly deviceId: string
  readonly connectionId: string
  /** Names one life of the connection: it starts over under another. */
  readonly nonce: string
  /** Number of the response up to which is known what the client has. */
  readonly answer: number
  /** Number of the response that the client has shown last; not above {@link answer}. */
  readonly shown: number
  /** What clients asked for as state, as JSON texts; rooms refer to it by index. */
  readonly configs: readonly string[]
  /** Where the feed was when the connection was opened. */
  readonly openedSeq: number
}

/** What a connection has been sent of a room. */
export interface SentRoom {
  readonly seq: number
  readonly timelineLimit: number
  /** Index into the connection's configurations. */
  readonly config: number
  readonly isDm: boolean
}

type Columns = {
  device_id: string
  connection_id: string
  nonce: string
  answer: number
  shown: number
  configs: string
  opened_seq: number
}
type RoomColumns = { room_id: string; seq: number; timeline_limit: number; config: number; is_dm: number }

/** A connection by device and name. */
export function readConnection(store: ObjectStore, deviceId: string, connectionId: string): ConnectionRow | undefined {
  const row = store.first<Columns>('SELECT * FROM sliding_connections WHERE device_id = ? AND connection_id = ?', deviceId, connectionId)
  if (row === undefined) return undefined
  const configs: unknown = JSON.parse(row.configs)
  return {
    deviceId: row.device_id,
    connectionId: row.connection_id,
    nonce: row.nonce,
    answer: row.answer,
    shown: row.shown,
    configs: Array.isArray(configs) ? configs.map(String) : [],
    openedSeq: row.opened_seq,
  }
}

/** What a connection has been sent of one room. */
export function readSentRoom(store: ObjectStore, nonce: string, roomId: string): SentRoom | undefined {
  const row = store.first<RoomColumns>(
    'SELECT room_id, seq, timeline_limit, config, is_dm FROM sliding_rooms WHERE nonce = ? AND room_id = ?',
    ...[nonce, roomId],
  )
  return row && { seq: row.seq, timelineLimit: row.timeline_limit, config: row.config, isDm: row.is_dm === 1 }
}

/** The same of all rooms of a connection. One text for many rooms: reading thousands of rows value by value is what would take the time. */
export function readSentRooms(store: ObjectStore, nonce: string): Map<string, SentRoom> {
  const sent = new Map<string, SentRoom>()
  for (let after = ''; ; ) {
    const page = store.first<{ rooms: string }>(
      `SELECT json_group_array(json_array(room_id, seq, timeline_limit, config, is_dm)) AS rooms
       FROM (SELECT * FROM sliding_rooms WHERE nonce = ? AND room_id > ? ORDER BY room_id LIMIT ?)`,
      ...[nonce, after, PAGE_ROOMS],
    )
    const tuples: [string, number, number, number, number][] = JSON.parse(page?.rooms ?? '[]')
    for (const [roomId, seq, timelineLimit, config, isDm] of tuples) {
      sent.set(roomId, { seq, timelineLimit, config, isDm: isDm === 1 })
      after = roomId
    }
    if (tuples.length < PAGE_ROOMS) return sent
  }
}

/**
 * Writes a connection, in place of an earlier life of it, and forgets all but the latest `keep` of its device. The caller holds the transaction.
 */
export function writeConnection(store: ObjectStore, row: ConnectionRow, keep: number): void {
  const { deviceId, connectionId, nonce, answer, shown, openedSeq } = row
  const configs = JSON.stringify(row.configs)
  const { changes } = store.first<{ changes: number }>(
    'SELECT count(*) AS changes FROM sliding_connections WHERE device_id = ? AND connection_id = ? AND nonce = ?',
    ...[deviceId, connectionId, nonce],
  ) ?? { changes: 0 }
  if (changes > 0) {
    store.run('UPDATE sliding_connections SET answer = ?, shown = ?, configs = ? WHERE nonce = ?', answer, shown, configs, nonce)
    return
  }
  const old = store.all<{ nonce: string }>(
    `SELECT nonce FROM sliding_connections WHERE device_id = ?1 AND (connection_id = ?2 OR id NOT IN
     (SELECT id FROM sliding_connections WHERE device_id = ?1 ORDER BY id DESC LIMIT ?3))`,
    deviceId,
    connectionId,
    keep - 1,
  )
  for (const { nonce: gone } of old) deleteConnection(store, gone)
  store.run(
    'INSERT INTO sliding_connections (device_id, connection_id, nonce, answer, shown, configs, opened_seq) VALUES (?, ?, ?, ?, ?, ?, ?)',
    ...[deviceId, connectionId, nonce, answer, shown, configs, openedSeq],
  )
}

/** Writes what a connection has been sent of a room. The caller holds the transaction. */
export function writeSentRoom(store: ObjectStore, nonce: string, roomId: string, sent: SentRoom): void {
  store.run(
    'INSERT OR REPLACE INTO sliding_rooms (nonce, room_id, seq, timeline_limit, config, is_dm) VALUES (?, ?, ?, ?, ?, ?)',
    nonce,
    roomId,
    sent.seq,
    sent.timelineLimit,
    sent.config,
    sent.isDm ? 1 : 0,
  )
}

function deleteConnection(store: ObjectStore, nonce: string): void {
  store.run('DELETE FROM sliding_connections WHERE nonce = ?', nonce)
  store.run('DELETE FROM sliding_rooms WHERE nonce = ?', nonce)
  deleteToldRooms(store, nonce)
}

/** Forgets the connections of a device. The caller holds the transaction. */
export function deleteConnectionsOf(store: ObjectStore, deviceId: string): void {
  const rows = store.all<{ nonce: string }>('SELECT nonce FROM sliding_connections WHERE device_id = ?', deviceId)
  for (const { nonce } of rows) deleteConnection(store, nonce)
}
