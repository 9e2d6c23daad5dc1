import { compileGlob } from './glob.ts'
import { parseServerName } from './ids/server-name.ts'
import { parseUserId } from './ids/user-id.ts'
import { isJsonObject, type JsonObject } from './json.ts'

/** What becomes of an invitation: it is shown, kept from the invited user's sight without the inviter knowing, or refused. */
export type InvitePermission = 'allow' | 'ignore' | 'block'

/** What a user permits somebody, named by their user ID, who invites them. */
export type InvitePermissions = (inviter: string) => InvitePermission

/** What holds for users who have said nothing. */
export const EVERYBODY_MAY_INVITE: InvitePermissions = () => 'allow'

/** The lists of MSC4155 in the order in which they count. */
const LISTS = [
  ['allowed_users', 'user', 'allow'],
  ['ignored_users', 'user', 'ignore'],
  ['blocked_users', 'user', 'block'],
  ['allowed_servers', 'server', 'allow'],
  ['ignored_servers', 'server', 'ignore'],
  ['blocked_servers', 'server', 'block'],
] as const

/**
 * Compiles what a user has set about invitations: `m.invite_permission_config` (client-server-api#invite-permission), which blocks all of them or none, and
 * the lists of MSC4155. Content that is malformed permits everything; lists that are absent or null are empty. The caller bounds the size of both.
 */
export function compileInvitePermissions(config: unknown, lists: unknown): InvitePermissions {
  if (isJsonObject(config) && config.default_action === 'block') return () => 'block'
  return isJsonObject(lists) && lists.enabled !== false ? compileLists(lists) : EVERYBODY_MAY_INVITE
}

function compileLists(content: JsonObject): InvitePermissions {
  const rules: { readonly about: 'user' | 'server'; readonly matches: (text: string) => boolean; readonly permission: InvitePermission }[] =
    []
  for (const [name, about, permission] of LISTS) {
    const list = content[name] ?? []
    if (!Array.isArray(list)) return EVERYBODY_MAY_INVITE
    const patterns = list.filter((pattern) => typeof pattern === 'string')
    if (patterns.length < list.length) return EVERYBODY_MAY_INVITE
    if (patterns.length > 0) rules.push({ about, matches: compilePatterns(patterns, about === 'server'), permission })
  }
  if (rules.length === 0) return EVERYBODY_MAY_INVITE
  return (inviter) => {
    const host = hostOf(inviter)
    const rule = rules.find(({ about, matches }) => matches(about === 'user' ? inviter : host))
    return rule?.permission ?? 'allow'
  }
}

/** The host of somebody's server, as access control lists compare it: without its port, in lower case. */
function hostOf(userId: string): string {
  const parts = parseServerName(parseUserId(userId)?.serverName ?? '')
  if (parts === undefined) return ''
  return (parts.kind === 'ipv6' ? `[${parts.host}]` : parts.host).toLowerCase()
}

function compilePatterns(patterns: readonly string[], ignoreCase: boolean): (text: string) => boolean {
  const folded = ignoreCase ? patterns.map((pattern) => pattern.toLowerCase()) : patterns
  const exact = new Set(folded.filter((pattern) => !WILDCARD.test(pattern)))
  const globs = [...new Set(folded)].filter((pattern) => WILDCARD.test(pattern)).map((pattern) => compileGlob(pattern))
  return (text) => exact.has(text) || globs.some((matches) => matches(text))
}

const WILDCARD = /[*?]/
