import type { ObjectStore } from '../object-store.ts'

/** A browser that is logged in to the server's own pages. Times in milliseconds. */
export interface BrowserSessionRow {
  readonly sessionHash: string
  readonly createdTs: number
  /** When the user last gave their password in it. */
  readonly authenticatedTs: number
  readonly expiresTs: number
}

/** A session by its hash. */
export function readBrowserSession(store: ObjectStore, sessionHash: string): BrowserSessionRow | undefined {
  const row = store.first<{ created_ts: number; authenticated_ts: number; expires_ts: number }>(
    'SELECT created_ts, authenticated_ts, expires_ts FROM browser_sessions WHERE session_hash = ?',
    sessionHash,
  )
  return row && { sessionHash, createdTs: row.created_ts, authenticatedTs: row.authenticated_ts, expiresTs: row.expires_ts }
}

/** Stores a session; of those there were, the latest `keep - 1` remain. */
export function insertBrowserSession(store: ObjectStore, session: BrowserSessionRow, keep: number): void {
  store.run(
    'DELETE FROM browser_sessions WHERE session_hash NOT IN (SELECT session_hash FROM browser_sessions ORDER BY created_ts DESC LIMIT ?)',
    keep - 1,
  )
  store.run(
    'INSERT INTO browser_sessions (session_hash, created_ts, authenticated_ts, expires_ts) VALUES (?, ?, ?, ?)',
    session.sessionHash,
    session.createdTs,
    session.authenticatedTs,
    session.expiresTs,
  )
}

/** The user has given their password again. */
export function updateBrowserAuthenticated(store: ObjectStore, sessionHash: string, nowMs: number): void {
  store.run('UPDATE browser_sessions SET authenticated_ts = ? WHERE session_hash = ?', nowMs, sessionHash)
}

/** Ends a session. */
export function deleteBrowserSession(store: ObjectStore, sessionHash: string): void {
  store.run('DELETE FROM browser_sessions WHERE session_hash = ?', sessionHash)
}

/** Ends every session but one. */
export function deleteBrowserSessions(store: ObjectStore, exceptHash: string | undefined): void {
  store.run('DELETE FROM browser_sessions WHERE session_hash IS NOT ?', exceptHash ?? null)
}
