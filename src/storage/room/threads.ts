import type { ObjectStore } from '../object-store.ts'

/** A thread as its rows count it, whoever may see what of it. */
export interface ThreadRow {
  readonly root: string
  readonly latestOrd: number
  readonly count: number
}

type Columns = { root: string; latest_ord: number; count: number }

/** Threads of one room by their latest events. Whether a root may be one is not known here: it may not have arrived. */
export class ThreadTable {
  readonly #store: ObjectStore

  constructor(store: ObjectStore) {
    this.#store = store
  }

  /** An event was added to a thread. The caller holds the transaction. */
  add(root: string, ord: number): void {
    this.#store.run(
      `INSERT INTO threads (root, latest_ord, count) VALUES (?, ?, 1)
       ON CONFLICT (root) DO UPDATE SET latest_ord = max(latest_ord, excluded.latest_ord), count = count + 1`,
      root,
      ord,
    )
  }

  /** An event has gone from a thread. The caller holds the transaction. */
  recount(root: string): void {
    const latest = this.#store.first<{ ord: number | null }>(
      "SELECT max(ord) AS ord FROM relations WHERE parent = ? AND rel_type = 'm.thread'",
      root,
    )?.ord
    if (latest === null || latest === undefined) this.#store.run('DELETE FROM threads WHERE root = ?', root)
    else this.#store.run('UPDATE threads SET latest_ord = ?, count = count - 1 WHERE root = ?', latest, root)
  }

  /** The thread of a root. */
  find(root: string): ThreadRow | undefined {
    const row = this.#store.first<Columns>('SELECT root, latest_ord, count FROM threads WHERE root = ?', root)
    return row === undefined ? undefined : decode(row)
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
