import type { ObjectStore } from '../object-store.ts'

/** A room that was joined without most of its members. */
export interface PartialRoom {
  /** The join. */
  readonly eventId: string
  /** The position as of which the state before the join is written. */
  readonly statePos: number
  /** The server that let us in. */
  readonly via: string
  /** Whether what the state lacked has been written. */
  readonly filled: boolean
  /** The position at which the state became whole; `undefined` until then. */
  readonly completedPos: number | undefined
}

/** What is known of how the room was joined; `undefined` where its state was whole from the beginning. */
export function readPartialRoom(store: ObjectStore): PartialRoom | undefined {
  const row = store.first<{ event_id: string; state_pos: number; via: string; filled: number; completed_pos: number | null }>(
    'SELECT event_id, state_pos, via, filled, completed_pos FROM partial_room',
  )
  if (row === undefined) return undefined
  const { event_id: eventId, state_pos: statePos, via } = row
  return { eventId, statePos, via, filled: row.filled === 1, completedPos: row.completed_pos ?? undefined }
}

/** The room is joined without its members. The caller holds the transaction. */
export function writePartialRoom(store: ObjectStore, { eventId, statePos, via, filled, completedPos }: PartialRoom): void {
  store.run(
    'INSERT OR REPLACE INTO partial_room (one, event_id, state_pos, via, filled, completed_pos) VALUES (1, ?, ?, ?, ?, ?)',
    eventId,
    statePos,
    via,
    filled ? 1 : 0,
    completedPos ?? null,
  )
}

/** Other servers that are said to be in the room, in place of those before. The caller holds the transaction. */
export function writeResidentServers(store: ObjectStore, servers: readonly string[]): void {
  store.run('DELETE FROM resident_servers')
  for (const server of servers) store.run('INSERT OR IGNORE INTO resident_servers (server) VALUES (?)', server)
}

/** Whether a server is said to be in the room, while its members are not known. */
export function isResident(store: ObjectStore, serverName: string): boolean {
  return store.first('SELECT 1 AS one FROM resident_servers WHERE server = ?', serverName) !== undefined
}

/** Servers that are said to be in the room, while its members are not known; at most `limit`. */
export function residentServers(store: ObjectStore, limit: number): string[] {
  return store.all<{ server: string }>('SELECT server FROM resident_servers ORDER BY server LIMIT ?', limit).map(({ server }) => server)
}

/** A state of which the one before an event is made. */
export interface ToldState {
  readonly eventId: string
  /** The predecessor after which it is the state; empty for the state before the event itself. */
  readonly afterId: string
  /** 0 while it is to be fetched. */
  readonly group: number
}

/** Remembers a state, or that it is to be fetched. The caller holds the transaction. */
export function writeToldState(store: ObjectStore, { eventId, afterId, group }: ToldState): void {
  store.run('INSERT OR REPLACE INTO told_states (event_id, after_id, gid) VALUES (?, ?, ?)', eventId, afterId, group)
}

/** The states of which the one before an event is made. */
export function readToldStates(store: ObjectStore, eventId: string): ToldState[] {
  return store
    .all<{ after_id: string; gid: number }>('SELECT after_id, gid FROM told_states WHERE event_id = ? ORDER BY after_id', eventId)
    .map((row) => ({ eventId, afterId: row.after_id, group: row.gid }))
}

/** A state that is to be fetched; `undefined` where all are here. */
export function nextUntoldState(store: ObjectStore): ToldState | undefined {
  const row = store.first<{ event_id: string; after_id: string }>(
    'SELECT event_id, after_id FROM told_states WHERE gid = 0 ORDER BY event_id, after_id LIMIT 1',
  )
  return row && { eventId: row.event_id, afterId: row.after_id, group: 0 }
}

/** An event has its place on a state that is incomplete. The caller holds the transaction. */
export function insertIncompleteEvent(store: ObjectStore, nid: number): void {
  store.run('INSERT OR IGNORE INTO incomplete_events (nid) VALUES (?)', nid)
}

/** An event was rejected for a reason that no state changes. The caller holds the transaction. */
export function markRefused(store: ObjectStore, nid: number): void {
  store.run('UPDATE incomplete_events SET refused = 1 WHERE nid = ?', nid)
}

/** An event on an incomplete state. */
export interface IncompleteEvent {
  readonly seq: number
  readonly nid: number
  /** Rejected for a reason that no state changes. */
  readonly refused: boolean
}

/** Events on incomplete states in the order in which they were placed. */
export function incompleteEvents(store: ObjectStore, limit: number): IncompleteEvent[] {
  return store
    .all<{ seq: number; nid: number; refused: number }>('SELECT seq, nid, refused FROM incomplete_events ORDER BY seq LIMIT ?', limit)
    .map(({ seq, nid, refused }) => ({ seq, nid, refused: refused === 1 }))
}

/** The state before the event is whole now. The caller holds the transaction. */
export function deleteIncompleteEvent(store: ObjectStore, nid: number): void {
  store.run('DELETE FROM incomplete_events WHERE nid = ?', nid)
}

/** Nothing of an earlier time is to be completed. The caller holds the transaction. */
export function forgetIncomplete(store: ObjectStore): void {
  store.run('DELETE FROM incomplete_events')
  store.run('DELETE FROM told_states')
  store.run('DELETE FROM resident_servers')
}
