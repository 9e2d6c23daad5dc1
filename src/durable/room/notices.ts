import { isJsonObject } from '../../matrix/json.ts'
import type { Membership } from '../../matrix/membership.ts'
import type { StoredEvent } from '../../storage/room/events.ts'
import type { MembershipNotice } from '../protocol.ts'
import type { Draft } from './append/draft.ts'
import type { RoomCore } from './room-core.ts'

/** State that an invited or knocking user is shown (client-server-api#stripped-state). */
const STRIPPED_TYPES: readonly string[] = [
  'm.room.create',
  'm.room.name',
  'm.room.avatar',
  'm.room.topic',
  'm.room.join_rules',
  'm.room.canonical_alias',
  'm.room.encryption',
]

/** What a local user must be told about their own membership; goes through the outbox in the commit of the event. */
export function membershipNotice(
  core: RoomCore,
  draft: Draft,
  event: StoredEvent,
  userId: string,
  membership: Membership,
): MembershipNotice {
  const content: unknown = JSON.parse(event.content)
  const shown = membership === 'invite' || membership === 'knock'
  return {
    roomId: draft.head.roomId,
    generation: draft.head.generation,
    membership,
    pos: draft.head.headPos,
    head: draft.head.headPos,
    eventId: event.eventId,
    sender: event.sender,
    strippedState: shown ? strippedState(core, event, userId) : undefined,
    isDirect: isJsonObject(content) && content.is_direct === true,
    // Of whom a room has that was joined without its members nobody knows yet.
    elsewhere: membership === 'join' && core.partial.current === undefined && core.members.hasRemoteJoined() ? true : undefined,
    predecessor: membership === 'join' ? predecessorOf(core, draft.head.roomId) : undefined,
  }
}

/** The room that this one replaces, as its create event says. */
function predecessorOf(core: RoomCore, roomId: string): string | undefined {
  const create = core.currentEvent('m.room.create', '')
  const predecessor = create === undefined ? undefined : core.roomEvent(create, roomId).content.predecessor
  return isJsonObject(predecessor) && typeof predecessor.room_id === 'string' ? predecessor.room_id : undefined
}

/** The stripped state as a JSON array: what the room is, who invites, and the invitation itself. */
function strippedState(core: RoomCore, event: StoredEvent, userId: string): string {
  const events = STRIPPED_TYPES.flatMap((type) => core.currentEvent(type, '') ?? [])
  const inviter = event.sender === userId ? undefined : core.currentEvent('m.room.member', event.sender)
  if (inviter !== undefined) events.push(inviter)
  events.push(event)
  return `[${events.map(stripped).join(',')}]`
}

/** What the room is, for somebody of another server who knocks or is invited: stripped state as a JSON array. */
export function strippedStateOf(core: RoomCore): string {
  return `[${STRIPPED_TYPES.flatMap((type) => core.currentEvent(type, '') ?? [])
    .map(stripped)
    .join(',')}]`
}

function stripped(event: StoredEvent): string {
  // The time of the room's creation is shown too (MSC4311).
  const time = event.type === 'm.room.create' ? `,"origin_server_ts":${event.originServerTs}` : ''
  return `{"type":${JSON.stringify(event.type)},"state_key":${JSON.stringify(event.stateKey ?? '')},"sender":${JSON.stringify(event.sender)},"content":${event.content}${time}}`
}
