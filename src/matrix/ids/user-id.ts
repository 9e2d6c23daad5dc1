import type { DomainId } from './domain-id.ts'
import { parseDomainId } from './domain-id.ts'

const NEW_LOCALPART = /^[a-z0-9._=\-/+]+$/
const COMPLIANT_LOCALPART = /^[!-~]+$/

/**
 * Parts of a user ID, or `undefined` if it is none. Accepts historical IDs, as servers must: localparts of any code points but `:` and NUL,
 * even the empty one (appendices#historical-user-ids).
 */
export function parseUserId(userId: string): DomainId | undefined {
  return parseDomainId('@', userId)
}

/** Whether a text is a user ID, historical ones included. */
export function isUserId(userId: string): boolean {
  return parseUserId(userId) !== undefined
}

/**
 * Whether a user ID may be shown to clients outside the context of an event: its localpart is not empty and within U+0021 to U+007E
 * (appendices#historical-user-ids).
 */
export function isCompliantUserId(userId: string): boolean {
  const parts = parseUserId(userId)
  return parts !== undefined && COMPLIANT_LOCALPART.test(parts.localpart)
}

/** Whether an account may be created under this localpart (appendices#user-identifiers). The bound on the whole ID is {@link parseUserId}'s. */
export function isValidNewLocalpart(localpart: string): boolean {
  return NEW_LOCALPART.test(localpart)
}
