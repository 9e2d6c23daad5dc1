import type { ObjectStore } from '../object-store.ts'

/** A backup of room keys. */
export interface KeyBackupRow {
  readonly version: number
  readonly algorithm: string
  /** JSON text. */
  readonly authData: string
  /** Counts changes of what is stored. */
  readonly etag: number
  /** Sessions stored. */
  readonly count: number
}

type Columns = { version: number; algorithm: string; auth_data: string; etag: number; count: number }
const COLUMNS = 'version, algorithm, auth_data, etag, count'

function decode(row: Columns): KeyBackupRow {
  return { version: row.version, algorithm: row.algorithm, authData: row.auth_data, etag: row.etag, count: row.count }
}

/** Creates a backup; answers its version. */
export function insertKeyBackup(store: ObjectStore, algorithm: string, authData: string): number {
  const [row] = store.returning<{ version: number }>(
    'INSERT INTO key_backup_versions (algorithm, auth_data) VALUES (?, ?) RETURNING version',
    algorithm,
    authData,
  )
  if (row === undefined) throw new Error('the backup was not created')
  return row.version
}

/** A backup by its version. */
export function readKeyBackup(store: ObjectStore, version: number): KeyBackupRow | undefined {
  const row = store.first<Columns>(`SELECT ${COLUMNS} FROM key_backup_versions WHERE version = ?`, version)
  return row && decode(row)
}

/** The newest backup. */
export function readLatestKeyBackup(store: ObjectStore): KeyBackupRow | undefined {
  const row = store.first<Columns>(`SELECT ${COLUMNS} FROM key_backup_versions ORDER BY version DESC LIMIT 1`)
  return row && decode(row)
}

/** How many backups there are. */
export function countKeyBackups(store: ObjectStore): number {
  return store.first<{ count: number }>('SELECT count(*) AS count FROM key_backup_versions')?.count ?? 0
}

/** The version of the oldest backup. */
export function oldestKeyBackup(store: ObjectStore): number | undefined {
  return store.first<{ version: number | null }>('SELECT min(version) AS version FROM key_backup_versions')?.version ?? undefined
}

/** Replaces a backup's `auth_data`. */
export function updateKeyBackupAuthData(store: ObjectStore, version: number, authData: string): void {
  store.run('UPDATE key_backup_versions SET auth_data = ? WHERE version = ?', authData, version)
}

/** Notes a change of what is stored. */
export function noteKeyBackupChange(store: ObjectStore, version: number, added: number): void {
  store.run('UPDATE key_backup_versions SET etag = etag + 1, count = count + ? WHERE version = ?', added, version)
}

/** Removes a backup; its sessions are removed by the caller. */
export function deleteKeyBackup(store: ObjectStore, version: number): void {
  store.run('DELETE FROM key_backup_versions WHERE version = ?', version)
}

/** Removes every backup with its sessions; only where the account goes. */
export function deleteAllKeyBackups(store: ObjectStore): void {
  store.run('DELETE FROM key_backup_sessions')
  store.run('DELETE FROM key_backup_versions')
}
