import { badJson, invalidParam, MatrixError } from '../../matrix/errors.ts'
import { EMPTY_SYNC_FILTER, parseSyncFilter, type SyncFilter } from '../../matrix/filters.ts'
import { isJsonObject, type JsonValue } from '../../matrix/json.ts'
import { parseStrictJson } from '../../matrix/strict-json.ts'
import { getFilter } from './filters.ts'
import type { UserCore } from './user-core.ts'

/** A filter as the parts of a sync need it. */
export interface ResolvedFilter {
  readonly filter: SyncFilter
  /** The `room` part as JSON, for the rooms' own use; absent where it restricts nothing. */
  readonly roomJson: string | undefined
}

const NO_FILTER: ResolvedFilter = { filter: EMPTY_SYNC_FILTER, roomJson: undefined }
/** Filters remembered per object; clients use the same one or two all the time. */
const MAX_REMEMBERED = 16
/** Longest inline filter in characters; longer ones belong to `/filter`. */
const MAX_INLINE_CHARS = 16 * 1024

/** Filters that this life of the object has resolved, by what the client calls them. */
export class SyncFilters {
  readonly #known = new Map<string, ResolvedFilter>()

  /**
   * The filter that a client names by its ID or gives inline (client-server-api `GET /sync`, `filter`). Stored filters never change.
   * @throws MatrixError M_BAD_JSON for an inline filter of the wrong shape, M_INVALID_PARAM for an ID that does not exist.
   */
  resolve(core: UserCore, text: string | undefined): ResolvedFilter {
    if (text === undefined || text === '' || text === '{}') return NO_FILTER
    const known = this.#known.get(text)
    if (known !== undefined) return known
    const resolved = fromJson(text.startsWith('{') ? parseInline(text) : JSON.parse(storedFilter(core, text)))
    if (this.#known.size >= MAX_REMEMBERED) this.#known.clear()
    this.#known.set(text, resolved)
    return resolved
  }
}

function storedFilter(core: UserCore, filterId: string): string {
  try {
    return getFilter(core, filterId)
  } catch (cause) {
    if (cause instanceof MatrixError && cause.errcode === 'M_NOT_FOUND') throw invalidParam('There is no filter of that ID')
    throw cause
  }
}

function fromJson(json: JsonValue): ResolvedFilter {
  const room = isJsonObject(json) ? json.room : undefined
  return { filter: parseSyncFilter(json), roomJson: room === undefined || room === null ? undefined : JSON.stringify(room) }
}

function parseInline(text: string): JsonValue {
  if (text.length > MAX_INLINE_CHARS) throw badJson(`An inline filter has at most ${MAX_INLINE_CHARS} characters; store longer ones`)
  const parsed = parseStrictJson(text, { numbers: 'any' })
  if (!parsed.ok) throw badJson('The filter is not proper JSON')
  return parsed.value
}
