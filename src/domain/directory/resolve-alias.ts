import { outboundOf } from '../../federation/outbound/outbound.ts'
import { clientError } from '../../federation/outbound/outbound-error.ts'
import { invalidParam, notFound } from '../../matrix/errors.ts'
import { isRoomAlias, parseRoomAlias } from '../../matrix/ids/room-alias.ts'
import { isRoomId } from '../../matrix/ids/room-id.ts'
import { isServerName } from '../../matrix/ids/server-name.ts'
import type { JsonValue } from '../../matrix/json.ts'
import { findAlias } from '../../storage/d1/aliases.ts'
import type { RequestContext } from '../context.ts'
import { DIRECTORY_TIMEOUT_MS, MAX_ALIAS_SERVERS } from './limits.ts'

/** What an alias stands for. */
export interface ResolvedAlias {
  readonly roomId: string
  /** Servers that may have the room, the likeliest first. */
  readonly servers: readonly string[]
}

/**
 * What an alias of any server stands for (client-server-api#get_matrixclientv3directoryroomroomalias).
 * @throws MatrixError M_NOT_FOUND; M_INVALID_PARAM for what is no alias; what {@link clientError} makes of a server that cannot be asked.
 */
export async function resolveAlias(ctx: RequestContext, alias: string): Promise<ResolvedAlias> {
  const parts = parseRoomAlias(alias)
  if (parts === undefined) throw invalidParam('That is not a room alias')
  return parts.serverName === ctx.config.serverName ? resolveOwnAlias(ctx, alias) : askServer(ctx, parts.serverName, alias)
}

/** What an alias of this server stands for. @throws MatrixError M_NOT_FOUND. */
export async function resolveOwnAlias(ctx: RequestContext, alias: string): Promise<ResolvedAlias> {
  const found = await findAlias(ctx.registry, alias)
  if (found === undefined) throw notFound('That room alias does not exist')
  return { roomId: found.roomId, servers: await ctx.objects.room(found.roomId).serversInRoom(MAX_ALIAS_SERVERS) }
}

/** `GET /query/directory` of another server (server-server-api#get_matrixfederationv1querydirectory). */
async function askServer(ctx: RequestContext, serverName: string, alias: string): Promise<ResolvedAlias> {
  const path = `/_matrix/federation/v1/query/directory?room_alias=${encodeURIComponent(alias)}`
  try {
    const answer = await outboundOf(ctx.env).client.json(serverName, { method: 'GET', path, timeoutMs: DIRECTORY_TIMEOUT_MS })
    const { room_id: roomId } = answer
    if (typeof roomId !== 'string' || !isRoomId(roomId)) throw notFound('That room alias does not exist')
    return { roomId, servers: serversOf(answer.servers, serverName) }
  } catch (cause) {
    throw clientError(cause, 'The server of that room alias')
  }
}

function serversOf(value: JsonValue | undefined, serverName: string): string[] {
  const named: readonly JsonValue[] = Array.isArray(value) ? value.slice(0, MAX_ALIAS_SERVERS) : []
  const servers = named.filter((name): name is string => typeof name === 'string' && isServerName(name))
  return [...new Set([...servers, serverName])]
}

/**
 * The room that an ID or an alias names, with servers that may have it.
 * @throws MatrixError M_INVALID_PARAM for what is neither, and what {@link resolveAlias} throws.
 */
export async function resolveRoom(ctx: RequestContext, idOrAlias: string): Promise<ResolvedAlias> {
  if (isRoomAlias(idOrAlias)) return resolveAlias(ctx, idOrAlias)
  if (!isRoomId(idOrAlias)) throw invalidParam('That is neither a room ID nor a room alias')
  return { roomId: idOrAlias, servers: [] }
}
