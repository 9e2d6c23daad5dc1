import type { DomainId } from './domain-id.ts'
import { parseDomainId } from './domain-id.ts'

/** Parts of a room alias `#localpart:domain`, or `undefined` if it is none (appendices#room-aliases). An empty localpart is none. */
export function parseRoomAlias(alias: string): DomainId | undefined {
  const parts = parseDomainId('#', alias)
  return parts === undefined || parts.localpart === '' ? undefined : parts
}

/** Whether a text is a room alias. */
export function isRoomAlias(alias: string): boolean {
  return parseRoomAlias(alias) !== undefined
}
