import { badJson, notJson } from '../matrix/errors.ts'
import type { JsonValue } from '../matrix/json.ts'

/** Levels of arrays and objects inside one another (SECURITY P2). */
const MAX_DEPTH = 64

/** Parses JSON text of a client. @throws MatrixError M_NOT_JSON, M_BAD_JSON. */
export function parseJsonText(text: string): JsonValue {
  if (deeperThan(text, MAX_DEPTH)) throw badJson('The request body is nested too deeply')
  let value: JsonValue
  try {
    value = JSON.parse(text)
  } catch {
    throw notJson()
  }
  if (text.includes('\\u') && !JSON.stringify(value).isWellFormed()) throw badJson('The request body contains lone surrogates')
  return value
}

/** Whether brackets outside strings nest deeper than `limit`. Linear, before anything recursive sees the text. */
function deeperThan(text: string, limit: number): boolean {
  let depth = 0
  let inString = false
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index)
    if (inString) {
      if (code === 0x5c) index++
      else if (code === 0x22) inString = false
    } else if (code === 0x22) inString = true
    else if (code === 0x7b || code === 0x5b) {
      depth++
      if (depth > limit) return true
    } else if (code === 0x7d || code === 0x5d) depth--
  }
  return false
}
