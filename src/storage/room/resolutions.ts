import type { ObjectStore } from '../object-store.ts'

const keyOf = (groups: readonly number[]): string => JSON.stringify([...groups].sort((left, right) => left - right))

/** The group that several groups resolve to, if that was computed before. */
export function findResolution(store: ObjectStore, groups: readonly number[]): number | undefined {
  return store.first<{ gid: number }>('SELECT gid FROM resolutions WHERE inputs = ?', keyOf(groups))?.gid
}

/** Remembers what several groups resolve to. The caller holds the transaction. */
export function insertResolution(store: ObjectStore, groups: readonly number[], gid: number): void {
  store.run('INSERT OR REPLACE INTO resolutions (inputs, gid) VALUES (?, ?)', keyOf(groups), gid)
}
