import type { ObjectStore } from '../object-store.ts'

/** One backed-up session. `sessionData` is JSON text. */
export interface BackedUpSession {
  readonly roomId: string
  readonly sessionId: string
  readonly firstMessageIndex: number
  readonly forwardedCount: number
  readonly isVerified: boolean
  readonly sessionData: string
}

/** Which sessions: all, of a room, or one. */
export interface SessionSelection {
  readonly roomId?: string | undefined
  readonly sessionId?: string | undefined
}

type Columns = {
  room_id: string
  session_id: string
  first_message_index: number
  forwarded_count: number
  is_verified: number
  session_data: string
}
const COLUMNS = 'room_id, session_id, first_message_index, forwarded_count, is_verified, session_data'

function decode(row: Columns): BackedUpSession {
  return {
    roomId: row.room_id,
    sessionId: row.session_id,
    firstMessageIndex: row.first_message_index,
    forwardedCount: row.forwarded_count,
    isVerified: row.is_verified === 1,
    sessionData: row.session_data,
  }
}

/** One session of a backup. */
export function readSession(store: ObjectStore, version: number, roomId: string, sessionId: string): BackedUpSession | undefined {
  const row = store.first<Columns>(
    `SELECT ${COLUMNS} FROM key_backup_sessions WHERE version = ? AND room_id = ? AND session_id = ?`,
    version,
    roomId,
    sessionId,
  )
  return row && decode(row)
}

/** Sessions of a backup, or of one of its rooms, in order of room and session, after one of them, at most `limit`. */
export function pageSessions(
  store: ObjectStore,
  version: number,
  roomId: string | undefined,
  after: { readonly roomId: string; readonly sessionId: string },
  limit: number,
): BackedUpSession[] {
  const ofRoom = roomId === undefined ? '' : 'AND room_id = ?5'
  return store
    .all<Columns>(
      `SELECT ${COLUMNS} FROM key_backup_sessions WHERE version = ?1 AND (room_id, session_id) > (?2, ?3) ${ofRoom}
       ORDER BY room_id, session_id LIMIT ?4`,
      version,
      after.roomId,
      after.sessionId,
      limit,
      ...(roomId === undefined ? [] : [roomId]),
    )
    .map(decode)
}

/** Stores a session; answers nothing: the caller knows whether it is new. */
export function writeSession(store: ObjectStore, version: number, session: BackedUpSession): void {
  store.run(
    `INSERT OR REPLACE INTO key_backup_sessions (version, ${COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)`,
    version,
    session.roomId,
    session.sessionId,
    session.firstMessageIndex,
    session.forwardedCount,
    session.isVerified ? 1 : 0,
    session.sessionData,
  )
}

/** Removes sessions; answers how many there were. */
export function deleteSessions(store: ObjectStore, version: number, { roomId, sessionId }: SessionSelection): number {
  const conditions = ['version = ?']
  const values: (number | string)[] = [version]
  if (roomId !== undefined) {
    conditions.push('room_id = ?')
    values.push(roomId)
  }
  if (sessionId !== undefined) {
    conditions.push('session_id = ?')
    values.push(sessionId)
  }
  const where = conditions.join(' AND ')
  const count = store.first<{ count: number }>(`SELECT count(*) AS count FROM key_backup_sessions WHERE ${where}`, ...values)?.count ?? 0
  if (count > 0) store.run(`DELETE FROM key_backup_sessions WHERE ${where}`, ...values)
  return count
}
