import type { ObjectStore } from '../object-store.ts'

/** How many filters are stored. */
export function countFilters(store: ObjectStore): number {
  return store.first<{ count: number }>('SELECT count(*) AS count FROM filters')?.count ?? 0
}

/** The number of a filter with exactly this definition. */
export function findFilter(store: ObjectStore, definition: string): number | undefined {
  return store.first<{ filter_id: number }>('SELECT filter_id FROM filters WHERE definition = ?', definition)?.filter_id
}

/** Stores a filter under the next number. */
export function insertFilter(store: ObjectStore, definition: string): number {
  store.run('INSERT INTO filters (definition) VALUES (?)', definition)
  return store.first<{ filter_id: number }>('SELECT max(filter_id) AS filter_id FROM filters')?.filter_id ?? 0
}

/** The definition of a filter, as JSON text. */
export function readFilter(store: ObjectStore, filterId: number): string | undefined {
  return store.first<{ definition: string }>('SELECT definition FROM filters WHERE filter_id = ?', filterId)?.definition
}
