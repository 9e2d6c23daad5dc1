import { MatrixError } from '../../matrix/errors.ts'
import { computeEventId } from '../../matrix/events/event-hashes.ts'
import { isJsonObject, type JsonObject } from '../../matrix/json.ts'
import { findRoomVersionRules } from '../../matrix/room-versions/rules.ts'
import { readStrippedState } from '../../storage/user/room-list.ts'
import { takeNotice } from './notices.ts'
import type { UserCore } from './user-core.ts'

/** The version whose hash names the event where the invitation did not say which the room has: the events are told apart by it, no more. */
const UNKNOWN_VERSION = '11'

/**
 * Removes an invitation to a room that is not here, if it is the inviter who takes it back (`pdu` is their membership event about this user). What the room says once it is here
 * counts more.
 */
export function takeBackInvitation(core: UserCore, roomId: string, pdu: JsonObject): void {
  const row = core.store.exists() ? core.feedKeeper.feed.rooms.find(roomId) : undefined
  const { sender, content, origin_server_ts: ts } = pdu
  if (row?.membership !== 'invite' || typeof sender !== 'string' || row.sender !== sender || !isJsonObject(content)) return
  const eventId = eventIdOf(core, roomId, pdu)
  if (eventId === undefined) return
  const pos = row.membershipPos + 1
  const shown = {
    type: 'm.room.member',
    state_key: core.userId,
    sender,
    content,
    event_id: eventId,
    origin_server_ts: typeof ts === 'number' ? ts : 0,
  }
  takeNotice(core, {
    roomId,
    generation: row.generation,
    membership: content.membership === 'ban' ? 'ban' : 'leave',
    pos,
    head: pos,
    eventId,
    sender,
    strippedState: JSON.stringify([shown]),
    isDirect: false,
  })
}

function eventIdOf(core: UserCore, roomId: string, pdu: JsonObject): string | undefined {
  const shown: unknown = JSON.parse(readStrippedState(core.store, roomId) ?? '[]')
  const create = (Array.isArray(shown) ? shown : []).filter(isJsonObject).find(({ type }) => type === 'm.room.create')?.content
  const version = isJsonObject(create) && typeof create.room_version === 'string' ? create.room_version : UNKNOWN_VERSION
  const rules = findRoomVersionRules(version) ?? findRoomVersionRules(UNKNOWN_VERSION)
  try {
    return rules === undefined ? undefined : computeEventId(pdu, rules)
  } catch (cause) {
    if (!(cause instanceof MatrixError)) throw cause
    return undefined
  }
}
