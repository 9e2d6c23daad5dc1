import type { ObjectStore } from '../object-store.ts'

/** A resolution under way: the groups that are resolved, and how far it has come, as JSON; nothing at the beginning. */
export interface Resolving {
  readonly groups: readonly number[]
  readonly cursor: string
}

/** Plans a resolution unless it is under way. The caller holds the transaction. */
export function planResolution(store: ObjectStore, groups: readonly number[]): void {
  store.run("INSERT OR IGNORE INTO resolving (inputs, cursor) VALUES (?, '')", JSON.stringify(groups))
}

/** One resolution under way, or `undefined`. */
export function readResolving(store: ObjectStore): Resolving | undefined {
  const row = store.first<{ inputs: string; cursor: string }>('SELECT inputs, cursor FROM resolving ORDER BY inputs LIMIT 1')
  if (row === undefined) return undefined
  const groups: unknown = JSON.parse(row.inputs)
  if (!Array.isArray(groups) || !groups.every((gid) => typeof gid === 'number')) throw new Error(`resolution ${row.inputs}: no groups`)
  return { groups, cursor: row.cursor }
}

/** Keeps how far a resolution has come. The caller holds the transaction. */
export function saveResolving(store: ObjectStore, { groups, cursor }: Resolving): void {
  store.run('UPDATE resolving SET cursor = ? WHERE inputs = ?', cursor, JSON.stringify(groups))
}

/** A resolution has ended. The caller holds the transaction. */
export function endResolving(store: ObjectStore, groups: readonly number[]): void {
  store.run('DELETE FROM resolving WHERE inputs = ?', JSON.stringify(groups))
}
