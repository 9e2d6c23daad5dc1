import { parseUserId } from '../../matrix/ids/user-id.ts'
import { accountExists } from '../../storage/d1/accounts.ts'
import type { RequestContext } from '../context.ts'

/** Look-ups of users at once. */
const PARALLEL_LOOKUPS = 32

/** User IDs of a request by where they belong. */
export interface UsersByPlace {
  /** Of this server, with an account: their objects may be named. */
  readonly existing: readonly string[]
  /** Of this server, without one. */
  readonly unknown: readonly string[]
  /** Of other servers, by server name. What is no user ID belongs nowhere. */
  readonly remote: ReadonlyMap<string, readonly string[]>
}

/** Sorts user IDs by where they belong. Costs the registry only what no isolate's cache knows. */
export async function usersByPlace(ctx: RequestContext, userIds: readonly string[]): Promise<UsersByPlace> {
  const local: { readonly userId: string; readonly localpart: string }[] = []
  const remote = new Map<string, string[]>()
  for (const userId of new Set(userIds)) {
    const parts = parseUserId(userId)
    if (parts === undefined) continue
    if (parts.serverName === ctx.config.serverName) local.push({ userId, localpart: parts.localpart })
    else remote.set(parts.serverName, [...(remote.get(parts.serverName) ?? []), userId])
  }
  const existing: string[] = []
  const unknown: string[] = []
  for (let start = 0; start < local.length; start += PARALLEL_LOOKUPS) {
    const slice = local.slice(start, start + PARALLEL_LOOKUPS)
    const found = await Promise.all(slice.map(({ localpart }) => accountExists(ctx.registry, localpart)))
    for (const [index, { userId }] of slice.entries()) (found[index] === true ? existing : unknown).push(userId)
  }
  return { existing, unknown, remote }
}

/** `failures` of a response: servers that could not be asked. JSON. Never in their own words: an error of theirs is none of our client's (SECURITY F20). */
export function failuresJson(serverNames: readonly string[]): string {
  return jsonObjectOf(serverNames.map((serverName) => [serverName, '{"errcode":"M_UNKNOWN","error":"Cannot be reached"}']))
}

/** An object from names and JSON texts. */
export function jsonObjectOf(entries: readonly (readonly [name: string, json: string])[]): string {
  return `{${entries.map(([name, json]) => `${JSON.stringify(name)}:${json}`).join(',')}}`
}
