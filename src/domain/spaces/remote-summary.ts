import { outboundOf } from '../../federation/outbound/outbound.ts'
import { OutboundError } from '../../federation/outbound/outbound-error.ts'
import { isRoomId } from '../../matrix/ids/room-id.ts'
import { isJsonObject, type JsonObject, type JsonValue } from '../../matrix/json.ts'
import { nowMs } from '../../runtime/clock.ts'
import { log } from '../../runtime/log.ts'
import type { RequestContext } from '../context.ts'
import { candidateServers } from '../federation/membership-handshake.ts'
import {
  HIERARCHY_TIMEOUT_MS,
  MAX_ASKING_MS,
  MAX_HIERARCHY_ANSWER_BYTES,
  MAX_REMOTE_CHILDREN,
  MAX_REMOTE_SUMMARIES,
  MAX_ROOMS_ASKED,
  MAX_SERVERS_ASKED,
  REMOTE_SUMMARY_MS,
} from './limits.ts'

/** A room as another server describes it. Nothing in it has been verified. */
export interface RemoteRoom {
  readonly summary: JsonObject
  readonly children: readonly JsonObject[]
  /** Rooms below it that the same server has described. */
  readonly described: ReadonlyMap<string, JsonObject>
  /** Rooms below it that users of this server cannot get into, as the other one says. */
  readonly inaccessible: ReadonlySet<string>
}

/** What one request of a client may ask of other servers: a space names rooms and servers as it likes. Counts down. */
export interface AskingBudget {
  readonly untilMs: number
  rooms: number
}

/** A budget for one request. */
export function askingBudget(): AskingBudget {
  return { untilMs: nowMs() + MAX_ASKING_MS, rooms: MAX_ROOMS_ASKED }
}

/** For who may have nobody asked. */
export function nothingToAsk(): AskingBudget {
  return { untilMs: 0, rooms: 0 }
}

const known = new Map<string, { readonly untilMs: number; readonly room: RemoteRoom }>()

/** A room as one of several servers describes it (server-server-api#get_matrixfederationv1hierarchyroomid); `undefined` if none does, or the budget is used up. */
export async function remoteRoom(
  ctx: RequestContext,
  roomId: string,
  via: readonly (string | undefined)[],
  budget: AskingBudget,
): Promise<RemoteRoom | undefined> {
  const kept = known.get(roomId)
  if (kept !== undefined && kept.untilMs > nowMs()) return kept.room
  if (budget.rooms <= 0) return undefined
  budget.rooms -= 1
  const path = `/_matrix/federation/v1/hierarchy/${encodeURIComponent(roomId)}?suggested_only=false`
  const request = { method: 'GET', path, timeoutMs: HIERARCHY_TIMEOUT_MS, maxBytes: MAX_HIERARCHY_ANSWER_BYTES } as const
  for (const serverName of candidateServers(ctx, via).slice(0, MAX_SERVERS_ASKED)) {
    if (nowMs() >= budget.untilMs) return undefined
    try {
      const room = remoteRoomFrom(roomId, await outboundOf(ctx.env).client.json(serverName, request, 'any'))
      if (room === undefined) continue
      known.delete(roomId)
      known.set(roomId, { untilMs: nowMs() + REMOTE_SUMMARY_MS, room })
      forgetOldest()
      return room
    } catch (cause) {
      if (!(cause instanceof OutboundError)) throw cause
      log.info(`${serverName} does not describe a room: ${cause.message}`)
    }
  }
  return undefined
}

function forgetOldest(): void {
  const oldest = known.size > MAX_REMOTE_SUMMARIES ? known.keys().next() : undefined
  if (oldest?.done === false) known.delete(oldest.value)
}

function remoteRoomFrom(roomId: string, answer: JsonObject): RemoteRoom | undefined {
  const { room, children, inaccessible_children: inaccessible } = answer
  const summary = isJsonObject(room) ? summaryFrom(room) : undefined
  if (!isJsonObject(room) || summary?.room_id !== roomId) return undefined
  const described = listOf(children).flatMap((child) => {
    const below = isJsonObject(child) ? summaryFrom(child) : undefined
    return typeof below?.room_id === 'string' ? [[below.room_id, below] as const] : []
  })
  return {
    summary,
    children: listOf(room.children_state).flatMap(childFrom),
    described: new Map(described),
    inaccessible: new Set(listOf(inaccessible).filter((id): id is string => typeof id === 'string')),
  }
}

function listOf(value: JsonValue | undefined): readonly JsonValue[] {
  return Array.isArray(value) ? value.slice(0, MAX_REMOTE_CHILDREN) : []
}

const TEXTS = ['name', 'topic', 'avatar_url', 'canonical_alias', 'room_type', 'join_rule', 'room_version', 'encryption'] as const

/** A summary reduced to what may be in it. */
function summaryFrom(value: JsonObject): JsonObject | undefined {
  const { room_id: roomId, num_joined_members: joined, allowed_room_ids: allowed } = value
  if (typeof roomId !== 'string' || !isRoomId(roomId)) return undefined
  const texts = TEXTS.flatMap((key) => (typeof value[key] === 'string' ? [[key, value[key]] as const] : []))
  return {
    room_id: roomId,
    ...Object.fromEntries(texts),
    num_joined_members: typeof joined === 'number' ? joined : 0,
    world_readable: value.world_readable === true,
    guest_can_join: value.guest_can_join === true,
    ...(Array.isArray(allowed) ? { allowed_room_ids: allowed.filter((id) => typeof id === 'string' && isRoomId(id)) } : {}),
  }
}

function childFrom(value: JsonValue): JsonObject[] {
  if (!isJsonObject(value)) return []
  const { type, state_key: stateKey, content, sender, origin_server_ts: ts } = value
  if (type !== 'm.space.child' || typeof stateKey !== 'string' || !isRoomId(stateKey)) return []
  if (!isJsonObject(content) || typeof sender !== 'string' || typeof ts !== 'number') return []
  return [{ type, state_key: stateKey, content, sender, origin_server_ts: ts }]
}
