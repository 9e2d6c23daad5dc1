/** JSON as Matrix knows it. Objects may carry keys such as `__proto__`: copy them with {@link ownEntries}-style loops, never by assignment to a plain literal. */
export type JsonValue = null | boolean | number | string | readonly JsonValue[] | JsonObject

/** A JSON object. Absent keys read as `undefined`. */
export interface JsonObject {
  readonly [key: string]: JsonValue | undefined
}

/** Whether a value is a JSON object (neither null nor an array). */
export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
