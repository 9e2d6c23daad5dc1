import type { ObjectStore } from '../object-store.ts'
import { MAX_CACHED_STATE_KEYS } from './limits.ts'

/** Numbers for (type, state_key) pairs, given out once and kept for ever. */
export class StateKeyTable {
  readonly #store: ObjectStore
  /** Numbers of pairs; 0 for a pair that is known to have none. */
  readonly #cache = new Map<string, number>()
  readonly #pairs = new Map<number, readonly [type: string, stateKey: string]>()
  /** What is not in the cache has no number. */
  #isComplete = false

  constructor(store: ObjectStore) {
    this.#store = store
  }

  forgetCache(): void {
    this.#cache.clear()
    this.#pairs.clear()
    this.#isComplete = false
  }

  /** The table was made just now. */
  startEmpty(): void {
    this.#isComplete = true
  }

  /** The number of a pair that was ever set in this room, or `undefined`. */
  find(type: string, stateKey: string): number | undefined {
    const key = `${type}\u0000${stateKey}`
    const cached = this.#cache.get(key)
    if (cached !== undefined) return cached === 0 ? undefined : cached
    if (this.#isComplete) return undefined
    const row = this.#store.first<{ kid: number }>('SELECT kid FROM state_keys WHERE type = ? AND state_key = ?', type, stateKey)
    this.#remember(key, row?.kid ?? 0)
    return row?.kid
  }

  /** The pairs of some numbers. */
  pairs(kids: readonly number[]): Map<number, readonly [type: string, stateKey: string]> {
    const pairs = new Map<number, readonly [type: string, stateKey: string]>()
    const missing: number[] = []
    for (const kid of kids) {
      const known = this.#pairs.get(kid)
      if (known === undefined) missing.push(kid)
      else pairs.set(kid, known)
    }
    if (missing.length === 0) return pairs
    const rows = this.#store.all<{ kid: number; type: string; state_key: string }>(
      'SELECT kid, type, state_key FROM state_keys WHERE kid IN (SELECT value FROM json_each(?))',
      JSON.stringify(missing),
    )
    for (const row of rows) {
      pairs.set(row.kid, [row.type, row.state_key])
      if (this.#pairs.size < MAX_CACHED_STATE_KEYS) this.#pairs.set(row.kid, [row.type, row.state_key])
    }
    return pairs
  }

  /** Numbers of the memberships that a server's users ever had in this room, at most `limit` of them. */
  membersOfServer(serverName: string, limit: number): number[] {
    return this.#store
      .all<{ kid: number }>(
        "SELECT kid FROM state_keys WHERE type = 'm.room.member' AND substr(state_key, instr(state_key, ':') + 1) = ? LIMIT ?",
        serverName,
        limit,
      )
      .map(({ kid }) => kid)
  }

  /** Numbers of everything but memberships. */
  otherThanMembers(): number[] {
    return this.#store.all<{ kid: number }>("SELECT kid FROM state_keys WHERE type <> 'm.room.member'").map(({ kid }) => kid)
  }

  /** The number of a pair, given out now if it is new. The caller holds the transaction. */
  intern(type: string, stateKey: string): number {
    const found = this.find(type, stateKey)
    if (found !== undefined) return found
    const [inserted] = this.#store.returning<{ kid: number }>(
      'INSERT INTO state_keys (type, state_key) VALUES (?, ?) RETURNING kid',
      type,
      stateKey,
    )
    if (inserted === undefined) throw new Error('a state key was given no number')
    const { kid } = inserted
    this.#remember(`${type}\u0000${stateKey}`, kid)
    return kid
  }

  #remember(key: string, kid: number): void {
    if (this.#cache.size >= MAX_CACHED_STATE_KEYS) {
      this.#cache.clear()
      this.#isComplete = false
    }
    this.#cache.set(key, kid)
  }
}
