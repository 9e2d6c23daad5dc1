import type { JsonObject, JsonValue } from './json.ts'
import { isJsonObject } from './json.ts'
import { MAX_PATH_NAMES, parsePropertyPath } from './property-path.ts'

/** The wanted properties as a tree: `true` for a whole subtree. */
type FieldTree = Map<string, FieldTree | true>

/**
 * A function that reduces a client event to the `event_fields` of a filter (client-server-api#filtering), given as dot-separated paths.
 * Absent properties stay absent; the argument is not changed.
 */
export function compileEventFields(paths: readonly string[]): (event: JsonObject) => JsonObject {
  const tree: FieldTree = new Map()
  for (const path of paths) insert(tree, parsePropertyPath(path).slice(0, MAX_PATH_NAMES))
  return (event) => project(event, tree)
}

function insert(tree: FieldTree, names: readonly string[]): void {
  let node = tree
  for (const [index, name] of names.entries()) {
    const next = node.get(name)
    if (next === true) return
    if (index === names.length - 1) {
      node.set(name, true)
    } else if (next === undefined) {
      const created: FieldTree = new Map()
      node.set(name, created)
      node = created
    } else {
      node = next
    }
  }
}

function project(object: JsonObject, tree: FieldTree): JsonObject {
  const entries: [string, JsonValue][] = []
  for (const [name, wanted] of tree) {
    const value = Object.hasOwn(object, name) ? object[name] : undefined
    if (value === undefined) continue
    if (wanted === true) entries.push([name, value])
    else if (isJsonObject(value)) entries.push([name, project(value, wanted)])
  }
  // `fromEntries` defines own properties, also one called `__proto__`.
  return Object.fromEntries(entries)
}
