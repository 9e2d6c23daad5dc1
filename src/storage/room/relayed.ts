import type { ObjectStore } from '../object-store.ts'

/** Remembers that this server passes an event of another server on. The caller holds the transaction. */
export function insertRelayed(store: ObjectStore, pos: number, origin: string): void {
  store.run('INSERT OR REPLACE INTO relayed (pos, origin) VALUES (?, ?)', pos, origin)
}

/** Events that are passed on with `afterPos < pos ≤ toPos`: position → server that they came from. */
export function readRelayed(store: ObjectStore, afterPos: number, toPos: number): Map<number, string> {
  const rows = store.all<{ pos: number; origin: string }>('SELECT pos, origin FROM relayed WHERE pos > ? AND pos <= ?', afterPos, toPos)
  return new Map(rows.map(({ pos, origin }) => [pos, origin]))
}
