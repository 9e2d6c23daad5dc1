import { invalidParam, MatrixError, notFound, tooLarge } from '../../../matrix/errors.ts'
import type { JsonObject } from '../../../matrix/json.ts'
import {
  type BackedUpSession,
  deleteSessions,
  pageSessions,
  readSession,
  type SessionSelection,
  writeSession,
} from '../../../storage/user/key-backup-sessions.ts'
import {
  countKeyBackups,
  deleteKeyBackup,
  insertKeyBackup,
  type KeyBackupRow,
  noteKeyBackupChange,
  oldestKeyBackup,
  readKeyBackup,
  readLatestKeyBackup,
  updateKeyBackupAuthData,
} from '../../../storage/user/key-backup-versions.ts'
import type { UserCore } from '../user-core.ts'

/** Backups of an account; the oldest goes when there would be more. */
const MAX_BACKUPS = 20
/** Sessions in one backup. */
const MAX_SESSIONS = 500_000
/** `auth_data` in characters of JSON. */
const MAX_AUTH_DATA_CHARS = 64 * 1024
/** Sessions in one page, and their characters (one more session is always allowed). */
const PAGE_SESSIONS = 1_000
const PAGE_CHARS = 4 * 1024 * 1024

/** A backup as clients see it. */
export interface KeyBackupInfo {
  readonly version: string
  readonly algorithm: string
  /** JSON text. */
  readonly authData: string
  readonly count: number
  readonly etag: string
}

/** What is stored after a change. */
export interface KeyBackupState {
  readonly count: number
  readonly etag: string
}

/** Some sessions in order; `more` where others follow. */
export interface SessionPage {
  readonly sessions: readonly BackedUpSession[]
  readonly more: boolean
}

/** Creates a backup, which becomes the current one (client-server-api#post_matrixclientv3room_keysversion). Answers its version. @throws MatrixError M_TOO_LARGE. */
export function createKeyBackup(core: UserCore, algorithm: string, authData: JsonObject, requestId: string): string {
  const { store } = core
  const json = authDataJson(authData)
  return store.transaction(requestId, () => {
    const oldest = countKeyBackups(store) >= MAX_BACKUPS ? oldestKeyBackup(store) : undefined
    if (oldest !== undefined) removeBackup(core, oldest)
    return String(insertKeyBackup(store, algorithm, json))
  })
}

/** A backup, or the current one. @throws MatrixError M_NOT_FOUND. */
export function describeKeyBackup(core: UserCore, version: string | undefined): KeyBackupInfo {
  const { version: number, algorithm, authData, count, etag } = version === undefined ? currentBackup(core) : backupOf(core, version)
  return { version: String(number), algorithm, authData, count, etag: String(etag) }
}

/** Replaces the `auth_data` of a backup. @throws MatrixError M_NOT_FOUND; M_INVALID_PARAM for another algorithm. */
export function updateKeyBackup(core: UserCore, version: string, algorithm: string, authData: JsonObject, requestId: string): void {
  const backup = backupOf(core, version)
  if (backup.algorithm !== algorithm) throw invalidParam('Algorithm does not match')
  const json = authDataJson(authData)
  core.store.transaction(requestId, () => updateKeyBackupAuthData(core.store, backup.version, json))
}

/** Deletes a backup with its sessions. @throws MatrixError M_NOT_FOUND. */
export function removeKeyBackup(core: UserCore, version: string, requestId: string): void {
  const backup = backupOf(core, version)
  core.store.transaction(requestId, () => removeBackup(core, backup.version))
}

function removeBackup(core: UserCore, version: number): void {
  deleteSessions(core.store, version, {})
  deleteKeyBackup(core.store, version)
}

/**
 * Stores sessions in the current backup, each unless a better one is there (client-server-api#server-side-key-backups, SECURITY D11).
 * @throws MatrixError M_NOT_FOUND; M_WRONG_ROOM_KEYS_VERSION 403 for a backup that is not the current one; M_TOO_LARGE.
 */
export function putSessions(core: UserCore, version: string, sessions: readonly BackedUpSession[], requestId: string): KeyBackupState {
  const { store } = core
  const backup = requireCurrent(core, version)
  store.transaction(requestId, () => {
    let added = 0
    let written = 0
    for (const session of sessions) {
      const stored = readSession(store, backup.version, session.roomId, session.sessionId)
      if (stored !== undefined && !isBetter(session, stored)) continue
      writeSession(store, backup.version, session)
      written += 1
      if (stored === undefined) added += 1
    }
    if (backup.count + added > MAX_SESSIONS) throw tooLarge(`A backup has at most ${MAX_SESSIONS} sessions`)
    if (written > 0) noteKeyBackupChange(store, backup.version, added)
  })
  return stateOf(core, backup.version)
}

/** Whether a session replaces the one that is stored. */
export function isBetter(session: BackedUpSession, stored: BackedUpSession): boolean {
  if (session.isVerified !== stored.isVerified) return session.isVerified
  if (session.firstMessageIndex !== stored.firstMessageIndex) return session.firstMessageIndex < stored.firstMessageIndex
  return session.forwardedCount < stored.forwardedCount
}

/** One session. @throws MatrixError M_NOT_FOUND. */
export function getSession(core: UserCore, version: string, roomId: string, sessionId: string): BackedUpSession {
  const session = readSession(core.store, backupOf(core, version).version, roomId, sessionId)
  if (session === undefined) throw notFound('Key not found')
  return session
}

/** Sessions of a backup or of one of its rooms, page by page. @throws MatrixError M_NOT_FOUND. */
export function listSessions(core: UserCore, version: string, roomId: string | undefined, after: BackedUpSession | undefined): SessionPage {
  const backup = backupOf(core, version)
  const start = after ?? { roomId: '', sessionId: '' }
  const rows = pageSessions(core.store, backup.version, roomId, start, PAGE_SESSIONS)
  const sessions: BackedUpSession[] = []
  let chars = 0
  for (const row of rows) {
    chars += row.sessionData.length
    if (sessions.length > 0 && chars > PAGE_CHARS) break
    sessions.push(row)
  }
  return { sessions, more: sessions.length < rows.length || rows.length === PAGE_SESSIONS }
}

/** Deletes sessions of a backup. @throws MatrixError M_NOT_FOUND. */
export function removeSessions(core: UserCore, version: string, selection: SessionSelection, requestId: string): KeyBackupState {
  const { store } = core
  const backup = backupOf(core, version)
  store.transaction(requestId, () => {
    const removed = deleteSessions(store, backup.version, selection)
    if (removed > 0) noteKeyBackupChange(store, backup.version, -removed)
  })
  return stateOf(core, backup.version)
}

function stateOf(core: UserCore, version: number): KeyBackupState {
  const backup = readKeyBackup(core.store, version)
  if (backup === undefined) throw unknownBackup()
  return { count: backup.count, etag: String(backup.etag) }
}

function currentBackup(core: UserCore): KeyBackupRow {
  const backup = readLatestKeyBackup(core.store)
  if (backup === undefined) throw notFound('No current backup version')
  return backup
}

function backupOf(core: UserCore, version: string): KeyBackupRow {
  const backup = /^[1-9]\d{0,14}$/.test(version) ? readKeyBackup(core.store, Number(version)) : undefined
  if (backup === undefined) throw unknownBackup()
  return backup
}

function requireCurrent(core: UserCore, version: string): KeyBackupRow {
  const current = readLatestKeyBackup(core.store)
  if (current === undefined) throw unknownBackup()
  if (String(current.version) === version) return current
  throw new MatrixError(403, 'M_WRONG_ROOM_KEYS_VERSION', 'Wrong backup version', { current_version: String(current.version) })
}

function unknownBackup(): MatrixError {
  return notFound('Unknown backup version')
}

function authDataJson(authData: JsonObject): string {
  const json = JSON.stringify(authData)
  if (json.length > MAX_AUTH_DATA_CHARS) throw tooLarge('The auth_data of a backup is too large')
  return json
}
