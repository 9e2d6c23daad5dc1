import type { Caller } from '../../durable/protocol.ts'
import { invalidParam, MatrixError } from '../../matrix/errors.ts'
import { isRoomAlias } from '../../matrix/ids/room-alias.ts'
import { isJsonObject, type JsonObject } from '../../matrix/json.ts'
import type { RequestContext } from '../context.ts'
import { CANONICAL_ALIAS } from './aliases.ts'
import { MAX_ADDED_ALIASES } from './limits.ts'
import { resolveAlias } from './resolve-alias.ts'

/**
 * Refuses a canonical alias event that adds aliases which do not stand for the room (client-server-api#mroomcanonical_alias). Those that the room has
 * already may stay.
 * @throws MatrixError M_INVALID_PARAM for what are no aliases; M_BAD_ALIAS for those of other rooms, or of none.
 */
export async function requireGoodAliases(ctx: RequestContext, caller: Caller, roomId: string, content: JsonObject): Promise<void> {
  const wanted = aliasesIn(content)
  if (wanted === undefined) throw invalidParam('Aliases must be room aliases')
  if (wanted.length === 0) return
  const current = await ctx.objects.room(roomId).stateEvent(caller, { type: CANONICAL_ALIAS, stateKey: '', format: 'content' })
  const stored: unknown = current.ok ? JSON.parse(current.value) : undefined
  const present = isJsonObject(stored) ? (aliasesIn(stored) ?? []) : []
  const added = [...new Set(wanted)].filter((alias) => !present.includes(alias))
  if (added.length > MAX_ADDED_ALIASES) throw invalidParam(`At most ${MAX_ADDED_ALIASES} aliases can be added at once`)
  await Promise.all(added.map((alias) => requireAliasOf(ctx, alias, roomId)))
}

async function requireAliasOf(ctx: RequestContext, alias: string, roomId: string): Promise<void> {
  const found = await resolveAlias(ctx, alias).catch((cause: unknown) => {
    if (!(cause instanceof MatrixError)) throw cause
    return undefined
  })
  if (found?.roomId !== roomId) throw new MatrixError(400, 'M_BAD_ALIAS', `${alias} does not stand for this room`)
}

/** The aliases in a content, or `undefined` if something else is in their place. */
function aliasesIn({ alias, alt_aliases: alternatives }: JsonObject): string[] | undefined {
  const all = [...(alias === undefined || alias === null || alias === '' ? [] : [alias])]
  if (alternatives !== undefined && alternatives !== null) {
    if (!Array.isArray(alternatives)) return undefined
    all.push(...alternatives)
  }
  const aliases = all.filter((entry): entry is string => typeof entry === 'string' && isRoomAlias(entry))
  return aliases.length === all.length ? aliases : undefined
}
