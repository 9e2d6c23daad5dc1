import { invalidParam } from '../../../matrix/errors.ts'
import type { JsonObject, JsonValue } from '../../../matrix/json.ts'

/** Users that one request may name, and devices of one of them. */
const MAX_USERS = 1_000
const MAX_DEVICES = 1_000
/** Bytes of a request about keys. */
export const MAX_KEYS_BODY_BYTES = 1024 * 1024

/** The entries of an object by user ID, each read by `read`. @throws MatrixError M_INVALID_PARAM for too many. */
export function byUser<T>(object: JsonObject, read: (value: JsonValue) => T[]): Map<string, T[]> {
  const entries = Object.entries(object)
  if (entries.length > MAX_USERS) throw invalidParam(`At most ${MAX_USERS} users at once`)
  return new Map(
    entries.map(([userId, value]) => {
      const list = read(value ?? null)
      if (list.length > MAX_DEVICES) throw invalidParam(`At most ${MAX_DEVICES} devices of a user at once`)
      return [userId, list]
    }),
  )
}
