import { utf8ByteLength } from '../crypto.ts'
import { MAX_ID_BYTES } from '../events/event-limits.ts'
import { isServerName } from './server-name.ts'

/** An identifier of the common form `&localpart:domain` taken apart at its first colon (appendices#common-identifier-format). */
export interface DomainId {
  readonly localpart: string
  readonly serverName: string
}

/**
 * Parts of an identifier with the given sigil, whose localpart consists of any code points but `:`, NUL and lone surrogates and may be
 * empty, whose domain is a server name, and which has at most 255 bytes; otherwise `undefined`.
 */
export function parseDomainId(sigil: '@' | '!' | '#' | '$', id: string): DomainId | undefined {
  if (!id.startsWith(sigil) || !isBoundedText(id)) return undefined
  const colon = id.indexOf(':')
  if (colon < 0) return undefined
  const serverName = id.slice(colon + 1)
  return isServerName(serverName) ? { localpart: id.slice(1, colon), serverName } : undefined
}

/** Whether a text has at most 255 bytes of UTF-8, no NUL and no lone surrogate. */
export function isBoundedText(text: string): boolean {
  return isWithinIdBytes(text) && !text.includes('\0') && text.isWellFormed()
}

/** Whether a text has at most 255 bytes of UTF-8. */
export function isWithinIdBytes(text: string): boolean {
  if (text.length > MAX_ID_BYTES) return false
  // One UTF-16 unit takes at most three bytes.
  return text.length * 3 <= MAX_ID_BYTES || utf8ByteLength(text) <= MAX_ID_BYTES
}
