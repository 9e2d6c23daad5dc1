import type { ObjectStore } from '../object-store.ts'

/** A piece of how far a resolution has come. */
export interface ResolvingPart {
  readonly name: string
  /** JSON. */
  readonly text: string
}

const keyOf = (groups: readonly number[]): string => JSON.stringify(groups)

/** Plans a resolution unless it is under way. The caller holds the transaction. */
export function planResolution(store: ObjectStore, groups: readonly number[]): void {
  store.run("INSERT OR IGNORE INTO resolving (inputs, cursor) VALUES (?, '')", keyOf(groups))
}

/** The groups of one resolution under way, or `undefined`. */
export function readResolving(store: ObjectStore): readonly number[] | undefined {
  const row = store.first<{ inputs: string }>('SELECT inputs FROM resolving ORDER BY inputs LIMIT 1')
  if (row === undefined) return undefined
  const groups: unknown = JSON.parse(row.inputs)
  if (!Array.isArray(groups) || !groups.every((gid) => typeof gid === 'number')) throw new Error(`resolution ${row.inputs}: no groups`)
  return groups
}

/** How far a resolution had come when that was stored last. Empty at the beginning. */
export function* readResolvingParts(store: ObjectStore, groups: readonly number[]): Generator<ResolvingPart, void> {
  yield* store.sql.exec<{ name: string; text: string }>('SELECT name, text FROM resolving_parts WHERE inputs = ?', keyOf(groups))
}

/** Keeps how far a resolution has come. The caller holds the transaction. */
export function saveResolving(store: ObjectStore, groups: readonly number[], parts: Iterable<ResolvingPart>): void {
  const inputs = keyOf(groups)
  const names: string[] = []
  for (const { name, text } of parts) {
    names.push(name)
    // Parts of what only grows stay as they are: they are not written again.
    store.run(
      'INSERT INTO resolving_parts (inputs, name, text) VALUES (?, ?, ?) ON CONFLICT (inputs, name) DO UPDATE SET text = excluded.text WHERE text <> excluded.text',
      inputs,
      name,
      text,
    )
  }
  store.run('DELETE FROM resolving_parts WHERE inputs = ? AND name NOT IN (SELECT value FROM json_each(?))', inputs, JSON.stringify(names))
}

/** A resolution has ended. The caller holds the transaction. */
export function endResolving(store: ObjectStore, groups: readonly number[]): void {
  store.run('DELETE FROM resolving WHERE inputs = ?', keyOf(groups))
  store.run('DELETE FROM resolving_parts WHERE inputs = ?', keyOf(groups))
}
