import { readFileSync } from 'node:fs'

/** A file under `test/vectors`. Its shape is trusted: vectors are data of ours. */
export function readVectors<T>(path: string): T {
  return JSON.parse(readFileSync(new URL(`../../vectors/${path}`, import.meta.url), 'utf8'))
}
