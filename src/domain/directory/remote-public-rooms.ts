import { jsonBody } from '../../federation/outbound/client.ts'
import { outboundOf } from '../../federation/outbound/outbound.ts'
import { clientError } from '../../federation/outbound/outbound-error.ts'
import { isRoomAlias } from '../../matrix/ids/room-alias.ts'
import { isRoomId } from '../../matrix/ids/room-id.ts'
import { isJsonObject, type JsonObject, type JsonValue } from '../../matrix/json.ts'
import type { RequestContext } from '../context.ts'
import { DEFAULT_DIRECTORY_PAGE, DIRECTORY_TIMEOUT_MS, MAX_DIRECTORY_ANSWER_BYTES, MAX_DIRECTORY_PAGE } from './limits.ts'
import type { DirectoryRequest } from './public-rooms.ts'

const PATH = '/_matrix/federation/v1/publicRooms'

/**
 * A page of another server's public directory (server-server-api#public-room-directory), reduced to what an entry may hold.
 * @throws MatrixError what {@link clientError} makes of a server that cannot be asked.
 */
export async function remotePublicRooms(ctx: RequestContext, serverName: string, request: DirectoryRequest): Promise<JsonObject> {
  const { since, searchTerm, roomTypes } = request
  const limit = Math.min(request.limit ?? DEFAULT_DIRECTORY_PAGE, MAX_DIRECTORY_PAGE)
  const { client } = outboundOf(ctx.env)
  const bounds = { timeoutMs: DIRECTORY_TIMEOUT_MS, maxBytes: MAX_DIRECTORY_ANSWER_BYTES }
  try {
    if (searchTerm === undefined && roomTypes === undefined) {
      const query = new URLSearchParams({ limit: String(limit), ...(since === undefined ? {} : { since }) })
      return pageOf(await client.json(serverName, { method: 'GET', path: `${PATH}?${query.toString()}`, ...bounds }), limit)
    }
    const filter: JsonObject = {
      ...(searchTerm === undefined ? {} : { generic_search_term: searchTerm }),
      ...(roomTypes === undefined ? {} : { room_types: [...roomTypes] }),
    }
    const body = jsonBody({ limit, filter, ...(since === undefined ? {} : { since }) })
    return pageOf(await client.json(serverName, { method: 'POST', path: PATH, canonicalBody: body, ...bounds }), limit)
  } catch (cause) {
    throw clientError(cause, 'The server of that directory')
  }
}

function pageOf(answer: JsonObject, limit: number): JsonObject {
  const { chunk, next_batch: next, prev_batch: previous, total_room_count_estimate: total } = answer
  const entries: readonly JsonValue[] = Array.isArray(chunk) ? chunk.slice(0, limit) : []
  return {
    chunk: entries.map(entryOf).filter((entry) => entry !== undefined),
    ...(typeof next === 'string' ? { next_batch: next } : {}),
    ...(typeof previous === 'string' ? { prev_batch: previous } : {}),
    ...(typeof total === 'number' ? { total_room_count_estimate: total } : {}),
  }
}

const TEXTS = ['name', 'topic', 'avatar_url', 'room_type', 'join_rule'] as const

/** An entry with what may be in it; `undefined` for what is none. */
function entryOf(value: JsonValue): JsonObject | undefined {
  if (!isJsonObject(value)) return undefined
  const { room_id: roomId, canonical_alias: alias, num_joined_members: joined } = value
  if (typeof roomId !== 'string' || !isRoomId(roomId)) return undefined
  const texts = TEXTS.flatMap((key) => (typeof value[key] === 'string' ? [[key, value[key]] as const] : []))
  return {
    room_id: roomId,
    ...Object.fromEntries(texts),
    ...(typeof alias === 'string' && isRoomAlias(alias) ? { canonical_alias: alias } : {}),
    num_joined_members: typeof joined === 'number' ? joined : 0,
    world_readable: value.world_readable === true,
    guest_can_join: value.guest_can_join === true,
  }
}
