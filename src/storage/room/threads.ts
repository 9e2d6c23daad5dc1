import type { ObjectStore } from '../object-store.ts'
import { ByteCache } from './byte-cache.ts'
import { MAX_CACHED_RELATION_BYTES } from './limits.ts'

/** A thread as its rows count it, whoever may see what of it. */
export interface ThreadRow {
  readonly root: string
  readonly latestOrd: number
  readonly count: number
}

type Columns = { root: string; latest_ord: number; count: number }

/** A thread with the number of its latest event. */
export interface FoundThread extends ThreadRow {
  readonly latestNid: number
}

/** Threads of one room by their latest events. Whether a root may be one is not known here: it may not have arrived. */
export class ThreadTable {
  readonly #store: ObjectStore
  readonly #found = new ByteCache<string, FoundThread>(MAX_CACHED_RELATION_BYTES)

  constructor(store: ObjectStore) {
    this.#store = store
  }

  /** Forgets cached rows. */
  forgetCache(): void {
    this.#found.clear()
  }

  /** An event was added to a thread. The caller holds the transaction. */
  add(root: string, ord: number): void {
    this.#found.delete(root)
    this.#store.run(
      `INSERT INTO threads (root, latest_ord, count) VALUES (?, ?, 1)
       ON CONFLICT (root) DO UPDATE SET latest_ord = max(latest_ord, excluded.latest_ord), count = count + 1`,
      root,
      ord,
    )
  }

  /** An event has gone from a thread. The caller holds the transaction. */
  recount(root: string): void {
    this.#found.delete(root)
    const latest = this.#store.first<{ ord: number | null }>(
      "SELECT max(ord) AS ord FROM relations WHERE parent = ? AND rel_type = 'm.thread'",
      root,
    )?.ord
    if (latest === null || latest === undefined) this.#store.run('DELETE FROM threads WHERE root = ?', root)
    else this.#store.run('UPDATE threads SET latest_ord = ?, count = count - 1 WHERE root = ?', latest, root)
  }

  /** The thread of a root. */
  find(root: string): FoundThread | undefined {
    const known = this.#found.get(root)
    if (known !== undefined) return known
    const row = this.#store.first<Columns & { nid: number }>(
      `SELECT t.root, t.latest_ord, t.count, r.nid FROM threads t
       JOIN relations r ON r.parent = t.root AND r.rel_type = 'm.thread' AND r.ord = t.latest_ord WHERE t.root = ?`,
      root,
    )
    if (row === undefined) return undefined
    const found = { ...decode(row), latestNid: row.nid }
    this.#found.set(root, found, 200 + 2 * root.length)
    return found
  }

  /** Threads whose latest event is before a place, the latest first. */
  before(ord: number, limit: number): ThreadRow[] {
    return this.#store
      .all<Columns>('SELECT root, latest_ord, count FROM threads WHERE latest_ord < ? ORDER BY latest_ord DESC LIMIT ?', ord, limit)
      .map(decode)
  }
}

function decode(row: Columns): ThreadRow {
  return { root: row.root, latestOrd: row.latest_ord, count: row.count }
}
