import type { ObjectStore } from '../object-store.ts'

/** What the registry was last told of a room in the public directory, `''` before the first time; `undefined` for a room that is not in it. */
export function readListing(store: ObjectStore): string | undefined {
  return store.first<{ told: string }>('SELECT told FROM listing')?.told
}

/** Puts the room into the directory, or notes what the registry was told. The caller holds the transaction. */
export function writeListing(store: ObjectStore, told: string): void {
  store.run('INSERT OR REPLACE INTO listing (one, told) VALUES (1, ?)', told)
}

/** Takes the room out of the directory. The caller holds the transaction. */
export function deleteListing(store: ObjectStore): void {
  store.run('DELETE FROM listing')
}
