import { randomString } from '../runtime/random.ts'

/** Random per isolate, so that IDs of different isolates differ; drawn on first use because randomness is refused while a module loads. */
let isolatePrefix: string | undefined
let counter = 0

/** A new request ID. Always made here: an ID that a client sends is never used. */
export function nextRequestId(): string {
  isolatePrefix ??= randomString(8)
  counter += 1
  return `${isolatePrefix}-${counter.toString(36)}`
}
