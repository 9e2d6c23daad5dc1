import * as z from 'zod'
import { jsonObject } from '../../../http/schema/json.ts'
import { invalidParam } from '../../../matrix/errors.ts'
import { isJsonObject, type JsonValue } from '../../../matrix/json.ts'

/** Users named by one request. */
export const MAX_USERS = 1_000

/** An object that older clients send as `null` where they have none. */
export const optionalObject = jsonObject.nullish().transform((value) => value ?? undefined)

/** How long to wait for other servers unless the client says so, and at most; in milliseconds. */
const DEFAULT_TIMEOUT_MS = 10_000
const MAX_TIMEOUT_MS = 20_000

/** How long to wait for other servers, in milliseconds. */
export const timeout = z
  .number()
  .nullish()
  .transform((value) => Math.max(1, Math.min(value ?? DEFAULT_TIMEOUT_MS, MAX_TIMEOUT_MS)))

/**
 * The entries of an object by user ID, each read by `read`; keys such as `__proto__` are users that do not exist.
 * @throws MatrixError M_INVALID_PARAM for too many users.
 */
export function byUser<T>(object: Readonly<Record<string, JsonValue | undefined>>, read: (value: JsonValue) => T): Map<string, T> {
  const entries = Object.entries(object)
  if (entries.length > MAX_USERS) throw invalidParam(`At most ${MAX_USERS} users at once`)
  return new Map(entries.map(([userId, value]) => [userId, read(value ?? null)]))
}

/** The entries of a value that must be an object. @throws MatrixError M_INVALID_PARAM. */
export function entriesOf(value: JsonValue, what: string): [string, JsonValue][] {
  if (!isJsonObject(value)) throw invalidParam(`${what} must be an object`)
  return Object.entries(value).map(([name, entry]) => [name, entry ?? null])
}
