import type { ObjectStore } from '../object-store.ts'
import { MAX_CACHED_STATE_KEYS, MAX_WHOLE_STATE_KEYS } from './limits.ts'

/** How one key of current state moved at a position. Event number 0 stands for "none". */
export interface StateChange {
  readonly kid: number
  readonly pos: number
  readonly oldNid: number
  readonly newNid: number
}

/** Current state and the log of its movements. The log is what sync derives from: resolution moves state without a new event. */
export class CurrentState {
  readonly #store: ObjectStore
  /** Event number by key number; 0 for a key that is known to be unset. */
  readonly #cache = new Map<number, number>()
  /** All of current state, where it is small and somebody has asked for all of it. */
  #whole: Map<number, number> | undefined
  #isLarge = false
  /** Position of the newest movement; 0 without any. */
  #lastMoved: number | undefined

  constructor(store: ObjectStore) {
    this.#store = store
  }

  forgetCache(): void {
    this.#cache.clear()
    this.#whole = undefined
    this.#lastMoved = undefined
  }

  /** The table was made just now. */
  startEmpty(): void {
    this.#whole = new Map()
    this.#lastMoved = 0
  }

  /** The event number under a key now. */
  find(kid: number): number | undefined {
    if (this.#whole !== undefined) return this.#whole.get(kid)
    const cached = this.#cache.get(kid)
    if (cached !== undefined) return cached === 0 ? undefined : cached
    const nid = this.#store.first<{ nid: number }>('SELECT nid FROM current_state WHERE kid = ?', kid)?.nid
    this.#remember(kid, nid ?? 0)
    return nid
  }

  #remember(kid: number, nid: number): void {
    if (this.#cache.size >= MAX_CACHED_STATE_KEYS) this.#cache.clear()
    this.#cache.set(kid, nid)
  }

  /** Moves one key and writes the log. The caller holds the transaction. */
  move(kid: number, newNid: number, pos: number): StateChange {
    const oldNid = this.find(kid) ?? 0
    if (newNid === 0) this.#store.run('DELETE FROM current_state WHERE kid = ?', kid)
    else this.#store.run('INSERT OR REPLACE INTO current_state (kid, nid) VALUES (?, ?)', kid, newNid)
    this.#store.run('INSERT OR REPLACE INTO state_log (kid, pos, old_nid, new_nid) VALUES (?, ?, ?, ?)', kid, pos, oldNid, newNid)
    this.#remember(kid, newNid)
    if (newNid === 0) this.#whole?.delete(kid)
    else this.#whole?.set(kid, newNid)
    if ((this.#whole?.size ?? 0) > MAX_WHOLE_STATE_KEYS) this.#whole = undefined
    if (this.#lastMoved !== undefined) this.#lastMoved = Math.max(this.#lastMoved, pos)
    return { kid, pos, oldNid, newNid }
  }

  /**
   * Writes what a key was as of a position in the past, where the log says that it was unset: current state follows unless the key has moved since. Answers the
   * event that came after it and believed to replace nothing, if any; `known` where there is nothing to write. The caller holds the transaction.
   */
  fillPast(kid: number, nid: number, pos: number): 'known' | { readonly replacedBy: number | undefined } {
    const history = this.history(kid)
    const at = history.find((change) => change.pos === pos)
    const before = history.filter((change) => change.pos < pos).at(-1)?.newNid ?? 0
    const was = at?.newNid ?? before
    if (was !== 0) return 'known'
    const next = history.find((change) => change.pos > pos)
    if (before === nid) this.#store.run('DELETE FROM state_log WHERE kid = ? AND pos = ?', kid, pos)
    else this.#store.run('INSERT OR REPLACE INTO state_log (kid, pos, old_nid, new_nid) VALUES (?, ?, ?, ?)', kid, pos, before, nid)
    if (next === undefined) {
      this.#store.run('INSERT OR REPLACE INTO current_state (kid, nid) VALUES (?, ?)', kid, nid)
      this.#remember(kid, nid)
      this.#whole?.set(kid, nid)
      if ((this.#whole?.size ?? 0) > MAX_WHOLE_STATE_KEYS) this.#whole = undefined
    } else {
      this.#store.run('UPDATE state_log SET old_nid = ? WHERE kid = ? AND pos = ?', nid, kid, next.pos)
    }
    return { replacedBy: next?.newNid }
  }

  /** All of current state where it is small; `undefined` where it is not. Not to be changed. */
  whole(): ReadonlyMap<number, number> | undefined {
    if (this.#whole !== undefined || this.#isLarge) return this.#whole
    const rows = this.#store.all<{ kid: number; nid: number }>('SELECT kid, nid FROM current_state LIMIT ?', MAX_WHOLE_STATE_KEYS + 1)
    // Rooms that have grown large seldom become small again: until the next life of the object they count as large.
    this.#isLarge = rows.length > MAX_WHOLE_STATE_KEYS
    if (!this.#isLarge) this.#whole = new Map(rows.map(({ kid, nid }) => [kid, nid]))
    return this.#whole
  }

  /** Every key of current state: key number → event number. `types` narrows by event type. */
  all(types?: readonly string[]): Map<number, number> {
    if (types === undefined && this.#whole !== undefined) return new Map(this.#whole)
    const rows =
      types === undefined
        ? this.#store.sql.exec<{ kid: number; nid: number }>('SELECT kid, nid FROM current_state')
        : this.#store.sql.exec<{ kid: number; nid: number }>(
            'SELECT c.kid, c.nid FROM current_state c JOIN state_keys k ON k.kid = c.kid WHERE k.type IN (SELECT value FROM json_each(?))',
            JSON.stringify(types),
          )
    const state = new Map<number, number>()
    for (const row of rows) state.set(row.kid, row.nid)
    if (types === undefined && state.size <= MAX_WHOLE_STATE_KEYS) this.#whole = new Map(state)
    return state
  }

  /** Movements with `afterPos < pos ≤ toPos`, oldest first. */
  changes(afterPos: number, toPos: number): StateChange[] {
    if (afterPos >= this.#newest()) return []
    return this.#store
      .all<{ kid: number; pos: number; old_nid: number; new_nid: number }>(
        'SELECT kid, pos, old_nid, new_nid FROM state_log WHERE pos > ? AND pos <= ? ORDER BY pos',
        afterPos,
        toPos,
      )
      .map((row) => ({ kid: row.kid, pos: row.pos, oldNid: row.old_nid, newNid: row.new_nid }))
  }

  /** Most windows are about a time in which nothing moved. */
  #newest(): number {
    this.#lastMoved ??= this.#store.sql.exec<{ pos: number | null }>('SELECT max(pos) AS pos FROM state_log').one().pos ?? 0
    return this.#lastMoved
  }

  /** Movements of one key, oldest first. */
  history(kid: number): StateChange[] {
    return this.#store
      .all<{ kid: number; pos: number; old_nid: number; new_nid: number }>(
        'SELECT kid, pos, old_nid, new_nid FROM state_log WHERE kid = ? ORDER BY pos',
        kid,
      )
      .map((row) => ({ kid: row.kid, pos: row.pos, oldNid: row.old_nid, newNid: row.new_nid }))
  }

  /** Current state as it was at a position: today's with later movements taken back. */
  at(pos: number, headPos: number): Map<number, number> {
    const state = this.all()
    for (const change of this.changes(pos, headPos).reverse()) {
      if (change.oldNid === 0) state.delete(change.kid)
      else state.set(change.kid, change.oldNid)
    }
    return state
  }
}
