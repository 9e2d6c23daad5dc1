import * as z from 'zod'
import { isJsonObject, type JsonObject, type JsonValue } from '../../matrix/json.ts'

/** Any JSON object, handed on untouched: keys such as `__proto__` survive (P7), nothing is copied. */
export const jsonObject = z.custom<JsonObject>(isJsonObject, 'must be an object')

/** Any JSON value, handed on untouched. */
export const jsonValue = z.custom<JsonValue>((value) => value !== undefined, 'is required')

/** An object whose values fit a schema, with every key: unlike zod's own records one called `__proto__` as well (P7). */
export function namedValues<T>(value: z.ZodType<T>) {
  const entries = z.array(z.tuple([z.string(), value]), 'must be an object')
  return z
    .preprocess((object) => (isJsonObject(object) ? Object.entries(object) : false), entries)
    .transform((named) => Object.fromEntries<T>(named))
}
