import { forbidden, invalidParam, MatrixError, notFound } from '../../matrix/errors.ts'
import { parseRoomAlias } from '../../matrix/ids/room-alias.ts'
import { isJsonObject, type JsonObject } from '../../matrix/json.ts'
import { nowMs } from '../../runtime/clock.ts'
import { log } from '../../runtime/log.ts'
import { unwrap } from '../../runtime/outcome.ts'
import * as rows from '../../storage/d1/aliases.ts'
import type { RequestContext } from '../context.ts'
import { findableRoom, listedRoom, readableRoom } from '../rooms/access.ts'
import { MAX_LISTED_ALIASES } from './limits.ts'

/** The state event that says by which name a room wants to be known. */
export const CANONICAL_ALIAS = 'm.room.canonical_alias'

/** Refuses what cannot become an alias of this server. @throws MatrixError M_INVALID_PARAM. */
export function requireOwnAlias(ctx: RequestContext, alias: string): void {
  const parts = parseRoomAlias(alias)
  if (parts === undefined || /\s/.test(parts.localpart)) throw invalidParam('That is not a room alias')
  if (parts.serverName !== ctx.config.serverName) throw invalidParam('Aliases of other servers are made there')
}

/**
 * Gives a room that the caller has joined a name (client-server-api#put_matrixclientv3directoryroomroomalias).
 * @throws MatrixError M_UNKNOWN 409 where the name is taken.
 */
export async function createAlias(ctx: RequestContext, alias: string, roomId: string): Promise<void> {
  requireOwnAlias(ctx, alias)
  const { caller, membership } = await listedRoom(ctx, roomId)
  if (membership !== 'join') throw forbidden('Only members of a room can give it a name')
  const isFree = await rows.claimAlias(ctx.registry, { alias, roomId, creator: caller.userId }, false, nowMs())
  if (!isFree) throw new MatrixError(409, 'M_UNKNOWN', 'That room alias is taken')
}

/**
 * Removes a name (client-server-api#delete_matrixclientv3directoryroomroomalias): whoever made it may, and whoever may change by which name the room is
 * known. Where the room is known by it and the caller may change that, it no longer is.
 * @throws MatrixError M_NOT_FOUND, M_FORBIDDEN.
 */
export async function removeAlias(ctx: RequestContext, alias: string): Promise<void> {
  requireOwnAlias(ctx, alias)
  const found = await rows.findAlias(ctx.registry, alias)
  const roomId = found?.roomId ?? ''
  const access = await findableRoom(ctx, roomId)
  if (found === undefined || access === undefined) throw notFound('That room alias does not exist')
  const mayChange = await ctx.objects.room(roomId).mayChangeDirectory(access.caller)
  if (found.creator !== access.caller.userId && !mayChange) throw forbidden('You may not remove this alias')
  await rows.deleteAlias(ctx.registry, alias, roomId)
  if (mayChange) await dropFromCanonical(ctx, roomId, alias)
}

/** Takes an alias out of the room's canonical alias event. Failing to is no failure of the removal. */
async function dropFromCanonical(ctx: RequestContext, roomId: string, alias: string): Promise<void> {
  const { caller } = await listedRoom(ctx, roomId)
  const current = await ctx.objects.room(roomId).stateEvent(caller, { type: CANONICAL_ALIAS, stateKey: '', format: 'content' })
  const content: unknown = current.ok ? JSON.parse(current.value) : undefined
  if (!isJsonObject(content)) return
  const without = withoutAlias(content, alias)
  if (without === undefined) return
  const event = { type: CANONICAL_ALIAS, stateKey: '', content: without, txn: undefined, redacts: undefined }
  const sent = await ctx.objects.room(roomId).send(caller, event)
  if (!sent.ok) log.info(`a removed alias stays the name of its room: ${sent.error.error}`)
}

/** The content without the alias; `undefined` if it is not in there. */
function withoutAlias(content: JsonObject, alias: string): JsonObject | undefined {
  const { alias: main, alt_aliases: alternatives, ...rest } = content
  const others = Array.isArray(alternatives) ? alternatives.filter((name) => name !== alias) : undefined
  if (main !== alias && others?.length === (Array.isArray(alternatives) ? alternatives.length : undefined)) return undefined
  return {
    ...rest,
    ...(main === undefined || main === alias ? {} : { alias: main }),
    ...(others === undefined || others.length === 0 ? {} : { alt_aliases: others }),
  }
}

/** Names of a room on this server, for whoever may read the room (client-server-api#get_matrixclientv3roomsroomidaliases). */
export async function aliasesOfRoom(ctx: RequestContext, roomId: string): Promise<string[]> {
  const caller = await readableRoom(ctx, roomId)
  unwrap(await ctx.objects.room(roomId).stateEvent(caller, { type: 'm.room.create', stateKey: '', format: 'content' }))
  return rows.listAliases(ctx.registry, roomId, MAX_LISTED_ALIASES)
}
