import type { ObjectStore } from './object-store.ts'

/** Deferred work of an object: the table `due (kind, key, at)` on its one alarm. Handlers must be idempotent. */
export class DueTable {
  readonly #store: ObjectStore
  readonly #storage: DurableObjectStorage
  /** When the platform's alarm is set to fire, as far as this life of the object knows. */
  #alarmAt: number | undefined

  constructor(store: ObjectStore, storage: DurableObjectStorage) {
    this.#store = store
    this.#storage = storage
  }

  /** Sets when a piece of work is due, replacing an earlier time. The caller holds the transaction. */
  set(kind: string, key: string, atMs: number): void {
    this.#store.run('INSERT OR REPLACE INTO due (kind, key, at) VALUES (?, ?, ?)', kind, key, atMs)
  }

  /** Removes a piece of work. The caller holds the transaction. */
  clear(kind: string, key: string): void {
    this.#store.run('DELETE FROM due WHERE kind = ? AND key = ?', kind, key)
  }

  /** Work that is due, earliest first. */
  ready(nowMs: number, limit: number): { readonly kind: string; readonly key: string }[] {
    return this.#store.all<{ kind: string; key: string }>('SELECT kind, key FROM due WHERE at <= ? ORDER BY at LIMIT ?', nowMs, limit)
  }

  /** Makes sure that an alarm fires no later than `atMs`. Costs nothing when one is set early enough. */
  async arm(atMs: number): Promise<void> {
    if (this.#alarmAt !== undefined && this.#alarmAt <= atMs) return
    this.#alarmAt = atMs
    await this.#storage.setAlarm(atMs)
  }

  /** To be called when the alarm fires: it is no longer set. */
  alarmFired(): void {
    this.#alarmAt = undefined
  }
}
