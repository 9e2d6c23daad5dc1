import type { JsonObject, JsonValue } from './json.ts'
import { isJsonObject } from './json.ts'

/** Most names in one path; a longer one leads nowhere. Events are not nested deeper than the parser allows. */
export const MAX_PATH_NAMES = 64

/**
 * The property names of a dot-separated path (appendices#dot-separated-property-paths): `\.` and `\\` stand for a dot and a backslash within
 * a name, other backslashes for themselves.
 */
export function parsePropertyPath(path: string): readonly string[] {
  const names: string[] = []
  let name = ''
  for (let index = 0; index < path.length; index++) {
    const character = path.charAt(index)
    const next = path.charAt(index + 1)
    if (character === '\\' && (next === '.' || next === '\\')) {
      name += next
      index++
    } else if (character === '.') {
      names.push(name)
      name = ''
    } else {
      name += character
    }
  }
  names.push(name)
  return names
}

/** The value at a path of own properties, `undefined` if there is none. */
export function valueAt(object: JsonObject, names: readonly string[]): JsonValue | undefined {
  if (names.length > MAX_PATH_NAMES) return undefined
  let value: JsonValue | undefined = object
  for (const name of names) {
    if (!isJsonObject(value) || !Object.hasOwn(value, name)) return undefined
    value = value[name]
  }
  return value
}
