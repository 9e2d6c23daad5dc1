import type { ObjectStore } from './object-store.ts'

/** Pieces of work looked at per alarm; what is left comes with the next. */
const MAX_PER_ALARM = 100
/** When work that failed is tried again, in milliseconds. */
export const DUE_RETRY_MS = 30_000

/**
 * What became of a piece of work: `again` at a time, `done` (its row is deleted, a commit), or `settled`: its row stays behind because deleting it is not worth
 * a commit; this life of the object ignores it, and a later life repeats the work once, harmlessly.
 */
export type DueResult = { readonly again: number } | 'done' | 'settled'

/** Does one piece of work. Must be idempotent. */
export type DueHandler = (key: string) => Promise<DueResult>

/** Deferred work of an object: the table `due (kind, key, at)` multiplexed on its one alarm. */
export class DueTable {
  readonly #store: ObjectStore
  readonly #storage: DurableObjectStorage
  readonly #handlers = new Map<string, DueHandler>()
  readonly #punctual = new Set<string>()
  /** Times written in this life of the object, by kind and key; absent for work that is settled. */
  readonly #planned = new Map<string, number>()
  readonly #settled = new Set<string>()
  /** When the platform's alarm is set to fire, as far as this life of the object knows. */
  #alarmAt: number | undefined

  constructor(store: ObjectStore, storage: DurableObjectStorage) {
    this.#store = store
    this.#storage = storage
    // What was planned in a transaction that is rolled back was never written; planning it again costs a row at most.
    store.onRollback(() => this.#planned.clear())
  }

  /** Names who does the work of a kind. Where it is punctual, work of an earlier life of the object is not late because this one plans something for later. */
  handle(kind: string, handler: DueHandler, options: { readonly punctual?: boolean } = {}): void {
    this.#handlers.set(kind, handler)
    if (options.punctual === true) this.#punctual.add(kind)
  }

  /** Makes sure that a piece of work is due no later than `atMs`. Writes nothing if it is. The caller holds the transaction and calls {@link arm} after it. */
  ensure(kind: string, key: string, atMs: number): void {
    const planned = this.#planned.get(name(kind, key))
    if (planned !== undefined && planned <= atMs) return
    this.#write(kind, key, atMs)
  }

  /** Removes work that was done otherwise, at the cost of a row in a commit that happens anyway. The caller holds the transaction. */
  clear(kind: string, key: string): void {
    this.#store.run('DELETE FROM due WHERE kind = ? AND key = ?', kind, key)
    this.#planned.delete(name(kind, key))
  }

  /** Forgets what was planned in a transaction that was rolled back. */
  forgetCache(): void {
    this.#planned.clear()
  }

  /** Sets the alarm for the earliest planned work. To be called in the turn of the transaction, so that both are one commit. */
  async arm(): Promise<void> {
    // The first alarm of this life must not take the place of one that an earlier life has set for what cannot wait.
    const known = this.#alarmAt === undefined ? this.#earliestPunctual() : undefined
    const earliest = Math.min(...this.#planned.values(), known ?? Number.POSITIVE_INFINITY)
    if (!Number.isFinite(earliest) || (this.#alarmAt !== undefined && this.#alarmAt <= earliest)) return
    this.#alarmAt = earliest
    await this.#storage.setAlarm(earliest)
  }

  /** The object's alarm: does what is due and sets the alarm for what is left. */
  async run(nowMs: number, onFailure: (kind: string, cause: unknown) => number): Promise<void> {
    this.#alarmAt = undefined
    const rows = this.#store.all<{ kind: string; key: string; at: number }>(
      'SELECT kind, key, at FROM due ORDER BY at LIMIT ?',
      MAX_PER_ALARM,
    )
    for (const { kind, key, at } of rows) {
      if (this.#settled.has(name(kind, key))) continue
      if (at > nowMs) this.#planned.set(name(kind, key), at)
      else await this.#do(kind, key, onFailure)
    }
    await this.arm()
  }

  /** When the earliest punctual work is due, whichever life has planned it. */
  #earliestPunctual(): number | undefined {
    // An object that has never stored anything has nothing to do, and no table to say so.
    if (this.#punctual.size === 0 || !this.#store.exists()) return undefined
    const times = [...this.#punctual].map((kind) =>
      this.#store.first<{ at: number | null }>('SELECT min(at) AS at FROM due WHERE kind = ?', kind),
    )
    const known = times.flatMap((row) => row?.at ?? [])
    return known.length === 0 ? undefined : Math.min(...known)
  }

  async #do(kind: string, key: string, onFailure: (kind: string, cause: unknown) => number): Promise<void> {
    const id = name(kind, key)
    this.#planned.delete(id)
    const handler = this.#handlers.get(kind)
    let result: DueResult
    try {
      // Work of a kind that this code does not know is left for code that does.
      result = handler === undefined ? 'settled' : await handler(key)
    } catch (cause) {
      result = { again: onFailure(kind, cause) }
    }
    if (typeof result === 'object') this.#store.transaction(undefined, () => this.#planAgain(kind, key, result.again))
    else if (this.#planned.has(id)) return
    else if (result === 'settled') this.#settled.add(id)
    else this.#store.transaction(undefined, () => this.#store.run('DELETE FROM due WHERE kind = ? AND key = ?', kind, key))
  }

  #planAgain(kind: string, key: string, atMs: number): void {
    this.#planned.delete(name(kind, key))
    this.#write(kind, key, atMs)
  }

  #write(kind: string, key: string, atMs: number): void {
    this.#store.run('INSERT OR REPLACE INTO due (kind, key, at) VALUES (?, ?, ?)', kind, key, atMs)
    this.#planned.set(name(kind, key), atMs)
    this.#settled.delete(name(kind, key))
  }
}

function name(kind: string, key: string): string {
  return `${kind}\u0000${key}`
}
