import type { ObjectStore } from '../object-store.ts'

/** A notice that a local user has not committed yet. `notice` is a MembershipNotice as JSON. */
export interface OutboxEntry {
  readonly id: number
  readonly userId: string
  readonly notice: string
}

/** Adds a notice. The caller holds the transaction. */
export function insertOutbox(store: ObjectStore, userId: string, notice: string): OutboxEntry {
  const [inserted] = store.returning<{ id: number }>('INSERT INTO outbox (user_id, notice) VALUES (?, ?) RETURNING id', userId, notice)
  if (inserted === undefined) throw new Error('a notice was given no number')
  return { id: inserted.id, userId, notice }
}

/** Notices that were not acknowledged before the object ended, oldest first. */
export function readOutbox(store: ObjectStore, limit: number): OutboxEntry[] {
  return store
    .all<{ id: number; user_id: string; notice: string }>('SELECT id, user_id, notice FROM outbox ORDER BY id LIMIT ?', limit)
    .map((row) => ({ id: row.id, userId: row.user_id, notice: row.notice }))
}

/** Deletes acknowledged notices. The caller holds the transaction. */
export function deleteOutbox(store: ObjectStore, ids: readonly number[]): void {
  if (ids.length === 0) return
  store.run('DELETE FROM outbox WHERE id IN (SELECT value FROM json_each(?))', JSON.stringify(ids))
}
