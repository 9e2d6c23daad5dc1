import * as z from 'zod'

/** An integer in a query, e.g. `limit=10`. Bound it: `queryInteger().pipe(z.number().min(0).max(1000))`. */
export function queryInteger() {
  return z
    .string()
    .regex(/^-?\d{1,15}$/, 'must be an integer')
    .transform(Number)
}

/** `true` or `false` in a query. */
export function queryBoolean() {
  return z.enum(['true', 'false']).transform((value) => value === 'true')
}

/** A parameter that may be repeated: always an array. */
export function queryList() {
  return z.union([z.string().transform((value) => [value]), z.array(z.string())]).default([])
}
