import { MAX_SERVERS_ASKED } from './limits.ts'

/** The server that let us in first, which is sure to know; of the others each time different ones. */
export function inTurn([via, ...others]: readonly string[], failures: number): string[] {
  const first = others.length === 0 ? 0 : (failures * (MAX_SERVERS_ASKED - 1)) % others.length
  const turned = [...others.slice(first), ...others.slice(0, first)].slice(0, MAX_SERVERS_ASKED - 1)
  return via === undefined ? turned : [via, ...turned]
}
