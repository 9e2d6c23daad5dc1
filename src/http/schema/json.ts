import * as z from 'zod'
import { isJsonObject, type JsonObject, type JsonValue } from '../../matrix/json.ts'

/** Any JSON object, handed on untouched: keys such as `__proto__` survive (P7), nothing is copied. */
export const jsonObject = z.custom<JsonObject>(isJsonObject, 'must be an object')

/** Any JSON value, handed on untouched. */
export const jsonValue = z.custom<JsonValue>((value) => value !== undefined, 'is required')
