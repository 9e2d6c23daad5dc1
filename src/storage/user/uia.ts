import type { ObjectStore } from '../object-store.ts'

/** A user-interactive authentication that has begun. Times in milliseconds. */
export interface UiaSessionRow {
  readonly sessionId: string
  readonly deviceId: string
  /** What is to be authorized, e.g. `DELETE devices`. */
  readonly operation: string
  /** Keyed hash of what the request asks for. */
  readonly bodyHash: string
  readonly createdTs: number
}

/** A session by its ID. */
export function readUiaSession(store: ObjectStore, sessionId: string): UiaSessionRow | undefined {
  const row = store.first<{ device_id: string; operation: string; body_hash: string; created_ts: number }>(
    'SELECT device_id, operation, body_hash, created_ts FROM uia_sessions WHERE session_id = ?',
    sessionId,
  )
  return row && { sessionId, deviceId: row.device_id, operation: row.operation, bodyHash: row.body_hash, createdTs: row.created_ts }
}

/** Stores a session; of those there were, the latest `keep - 1` remain. */
export function insertUiaSession(store: ObjectStore, session: UiaSessionRow, keep: number): void {
  store.run(
    'DELETE FROM uia_sessions WHERE session_id NOT IN (SELECT session_id FROM uia_sessions ORDER BY created_ts DESC LIMIT ?)',
    keep - 1,
  )
  store.run(
    'INSERT INTO uia_sessions (session_id, device_id, operation, body_hash, created_ts) VALUES (?, ?, ?, ?, ?)',
    session.sessionId,
    session.deviceId,
    session.operation,
    session.bodyHash,
    session.createdTs,
  )
}

/** Ends a session. */
export function deleteUiaSession(store: ObjectStore, sessionId: string): void {
  store.run('DELETE FROM uia_sessions WHERE session_id = ?', sessionId)
}
