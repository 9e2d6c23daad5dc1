import { historyVisibilityOf } from '../../../matrix/history-visibility.ts'
import { isRoomId } from '../../../matrix/ids/room-id.ts'
import { isJsonObject, type JsonObject } from '../../../matrix/json.ts'
import type { RoomCore } from '../room-core.ts'

/** Conditions of a restricted room that are named; more are left out. */
const MAX_ALLOWED_ROOMS = 100

/** The content of a state event, empty where that state is not set. */
function contentOf(core: RoomCore, type: string): JsonObject {
  const event = core.currentEvent(type, '')
  return event === undefined ? {} : core.roomEvent(event, core.roomId).content
}

function text(content: JsonObject, key: string): string | undefined {
  const value = content[key]
  return typeof value === 'string' && value !== '' ? value : undefined
}

/** The room's join rule; `invite` where it has none (client-server-api#mroomjoin_rules). */
export function joinRuleOf(core: RoomCore): string {
  return text(contentOf(core, 'm.room.join_rules'), 'join_rule') ?? 'invite'
}

/** Whether anybody may read the room. */
export function isWorldReadable(core: RoomCore): boolean {
  return historyVisibilityOf(contentOf(core, 'm.room.history_visibility')) === 'world_readable'
}

/** The room as the public directory shows it: an element of `chunk` (client-server-api#get_matrixclientv3publicrooms). */
export function directoryEntry(core: RoomCore): JsonObject {
  const named = {
    name: text(contentOf(core, 'm.room.name'), 'name'),
    topic: text(contentOf(core, 'm.room.topic'), 'topic'),
    avatar_url: text(contentOf(core, 'm.room.avatar'), 'url'),
    canonical_alias: text(contentOf(core, 'm.room.canonical_alias'), 'alias'),
    room_type: text(contentOf(core, 'm.room.create'), 'type'),
  }
  const present = Object.entries(named).filter((entry): entry is [string, string] => entry[1] !== undefined)
  return {
    room_id: core.roomId,
    ...Object.fromEntries(present),
    num_joined_members: core.members.count('join'),
    world_readable: isWorldReadable(core),
    guest_can_join: contentOf(core, 'm.room.guest_access').guest_access === 'can_join',
    join_rule: joinRuleOf(core),
  }
}

/**
 * The room as summaries show it (client-server-api#get_matrixclientv1room_summaryroomidoralias): {@link directoryEntry}, its version and encryption, and the rooms that
 * a restricted room admits from.
 */
export function roomSummary(core: RoomCore): JsonObject {
  const encryption = text(contentOf(core, 'm.room.encryption'), 'algorithm')
  const allowed = allowedRooms(core)
  return {
    ...directoryEntry(core),
    room_version: core.head.version,
    ...(encryption === undefined ? {} : { encryption }),
    ...(allowed === undefined ? {} : { allowed_room_ids: allowed }),
  }
}

/** Rooms that a restricted room admits from; `undefined` for rooms that are none. */
export function allowedRooms(core: RoomCore): string[] | undefined {
  const { join_rule: rule, allow } = contentOf(core, 'm.room.join_rules')
  if (rule !== 'restricted' && rule !== 'knock_restricted') return undefined
  const conditions = Array.isArray(allow) ? allow.slice(0, MAX_ALLOWED_ROOMS) : []
  return conditions.flatMap((condition) => {
    if (!isJsonObject(condition) || condition.type !== 'm.room_membership') return []
    const { room_id: roomId } = condition
    return typeof roomId === 'string' && isRoomId(roomId) ? [roomId] : []
  })
}
