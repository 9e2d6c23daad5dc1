import type { ObjectStore } from '../object-store.ts'

/** Whether an account can be used. Accounts are never removed: a user ID is not given out twice. */
export type AccountState = 'active' | 'deactivated'

/** The account's own row. */
export interface AccountRow {
  readonly state: AccountState
  /** Encoded hash with its parameters, or `undefined` for an account without a password. */
  readonly passwordHash: string | undefined
  readonly isAdmin: boolean
  /** An administrator has locked the account: it can do nothing but log out. */
  readonly locked: boolean
  /** An administrator has suspended the account: it reads on, but does nothing that others see. */
  readonly suspended: boolean
}

/** The account, or `undefined` where there is none. */
export function readAccount(store: ObjectStore): AccountRow | undefined {
  if (!store.exists()) return undefined
  const row = store.first<{ state: string; password_hash: string | null; is_admin: number; locked: number; suspended: number }>(
    'SELECT state, password_hash, is_admin, locked, suspended FROM account WHERE id = 1',
  )
  if (row === undefined) return undefined
  return {
    state: row.state === 'active' ? 'active' : 'deactivated',
    passwordHash: row.password_hash ?? undefined,
    isAdmin: row.is_admin === 1,
    locked: row.locked === 1,
    suspended: row.suspended === 1,
  }
}

/** Creates the account. The caller has made sure that there is none. */
export function insertAccount(store: ObjectStore, userId: string, passwordHash: string | undefined, isAdmin: boolean, nowMs: number): void {
  store.run(
    'INSERT INTO account (id, user_id, password_hash, created_ts, is_admin) VALUES (1, ?, ?, ?, ?)',
    userId,
    passwordHash ?? null,
    nowMs,
    isAdmin ? 1 : 0,
  )
}

/** Replaces the password hash. */
export function updatePasswordHash(store: ObjectStore, passwordHash: string): void {
  store.run('UPDATE account SET password_hash = ? WHERE id = 1', passwordHash)
}

/** Locks, unlocks, suspends or restores the account. */
export function updateStanding(store: ObjectStore, locked: boolean, suspended: boolean): void {
  store.run('UPDATE account SET locked = ?, suspended = ? WHERE id = 1', locked ? 1 : 0, suspended ? 1 : 0)
}

/** Ends the account for good: no password, no way back. */
export function markDeactivated(store: ObjectStore, erased: boolean): void {
  store.run("UPDATE account SET state = 'deactivated', password_hash = NULL, erased = max(erased, ?) WHERE id = 1", erased ? 1 : 0)
}

/** Fullness of the bucket of wrong passwords and when it was computed. */
export interface FailureBucket {
  readonly level: number
  readonly updatedTs: number
}

/** Wrong passwords given lately. */
export function readFailures(store: ObjectStore): FailureBucket | undefined {
  const row = store.first<{ level: number; updated_ts: number }>('SELECT level, updated_ts FROM password_failures WHERE id = 1')
  return row && { level: row.level, updatedTs: row.updated_ts }
}

/** Remembers wrong passwords; `undefined` forgets them. */
export function writeFailures(store: ObjectStore, bucket: FailureBucket | undefined): void {
  if (bucket === undefined) store.run('DELETE FROM password_failures')
  else store.run('INSERT OR REPLACE INTO password_failures (id, level, updated_ts) VALUES (1, ?, ?)', bucket.level, bucket.updatedTs)
}
