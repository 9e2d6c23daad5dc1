import { notFound, tooLarge } from '../../matrix/errors.ts'
import { parseSyncFilter } from '../../matrix/filters.ts'
import type { JsonObject } from '../../matrix/json.ts'
import * as rows from '../../storage/user/filters.ts'
import type { UserCore } from './user-core.ts'

/** Longest definition, in characters of JSON. */
const MAX_FILTER_CHARS = 64 * 1024
/** Filters of one user. The same definition is stored once. */
const MAX_FILTERS = 1_000

/** Stores a filter; the same definition has the same ID. @throws MatrixError M_BAD_JSON, M_TOO_LARGE. */
export function createFilter(core: UserCore, definition: JsonObject, requestId: string): string {
  parseSyncFilter(definition)
  const json = JSON.stringify(definition)
  if (json.length > MAX_FILTER_CHARS) throw tooLarge(`A filter has at most ${MAX_FILTER_CHARS} characters`)
  const known = rows.findFilter(core.store, json)
  if (known !== undefined) return String(known)
  if (rows.countFilters(core.store) >= MAX_FILTERS) throw tooLarge(`There are ${MAX_FILTERS} filters already`)
  return String(core.store.transaction(requestId, () => rows.insertFilter(core.store, json)))
}

/** The definition of a filter as it was posted, as JSON text. @throws MatrixError M_NOT_FOUND. */
export function getFilter(core: UserCore, filterId: string): string {
  const definition = /^[1-9]\d{0,9}$/.test(filterId) ? rows.readFilter(core.store, Number(filterId)) : undefined
  if (definition === undefined) throw notFound('There is no such filter')
  return definition
}
