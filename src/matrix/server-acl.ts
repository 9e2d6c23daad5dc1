import { compileGlob, type GlobMatcher } from './glob.ts'
import { parseServerName } from './ids/server-name.ts'
import type { JsonObject, JsonValue } from './json.ts'

/** Whether a server may take part in a room, as far as its access control list goes. */
export type ServerAcl = (serverName: string) => boolean

/** The access control list of a room without `m.room.server_acl`. */
export const OPEN_SERVER_ACL: ServerAcl = () => true

/**
 * Compiles the content of `m.room.server_acl` (client-server-api#mroomserver_acl), once per change of that event: patterns may be many.
 * Patterns match case-insensitively against the host of a server name, IPv6 literals in brackets. Entries that are not strings are
 * ignored, lists that are none are empty; text that is not a server name is denied.
 */
export function compileServerAcl(content: JsonObject): ServerAcl {
  const allowIpLiterals = content.allow_ip_literals !== false
  const denies = compilePatterns(content.deny)
  const allows = compilePatterns(content.allow)
  return (serverName) => {
    const parts = parseServerName(serverName)
    if (parts === undefined || (parts.kind !== 'dns' && !allowIpLiterals)) return false
    const host = (parts.kind === 'ipv6' ? `[${parts.host}]` : parts.host).toLowerCase()
    return !denies(host) && allows(host)
  }
}

function compilePatterns(list: JsonValue | undefined): GlobMatcher {
  const entries: readonly JsonValue[] = Array.isArray(list) ? list : []
  const patterns = entries.filter((entry) => typeof entry === 'string').map((entry) => entry.toLowerCase())
  const exact = new Set(patterns.filter((pattern) => !WILDCARD.test(pattern)))
  const globs = [...new Set(patterns)].filter((pattern) => WILDCARD.test(pattern)).map((pattern) => compileGlob(pattern))
  return (host) => exact.has(host) || globs.some((matches) => matches(host))
}

const WILDCARD = /[*?]/
