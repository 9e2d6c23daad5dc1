import { type OrderedRoom, orderedRoom } from '../../storage/user/ordered-rooms.ts'
import type { RoomListRow } from '../../storage/user/room-list.ts'
import type { SlidingFilters, SlidingRequest } from '../sliding-protocol.ts'
import { isUnwantedInviter } from './invite-permissions.ts'
import { compareActivity } from './room-order-compare.ts'
import type { Connection } from './sliding-connection.ts'
import { type RelevantRoom, RelevantRooms } from './sliding-rules.ts'
import type { UserCore } from './user-core.ts'

/** Rooms of a space that are looked at. */
export const MAX_SPACES = 50

/** What of the account filters look at. */
export interface FilterFacts {
  readonly dms: ReadonlySet<string>
  /** Names of tags by room. */
  readonly tags: ReadonlyMap<string, ReadonlySet<string>>
  /** Rooms by the space that names them; spaces that the user is not in are absent. */
  readonly spaces: ReadonlyMap<string, ReadonlySet<string>>
}

/** Rooms in windows and subscriptions, and how long each list is. */
export interface Selection {
  readonly counts: readonly { readonly name: string; readonly count: number }[]
  readonly rooms: readonly RelevantRoom[]
}

/** Applies the rules of a request to the user's own list (MSC4186, "Lists" and "Subscriptions"). Asks no room, and looks at no more than windows show. */
export function selectRooms(core: UserCore, connection: Connection, request: SlidingRequest, facts: FilterFacts): Selection {
  const { rooms } = core.feedKeeper.feed
  const relevant = new RelevantRooms()
  const pending = request.lists.length === 0 ? [] : leftUntold(core, connection)
  const counts = request.lists.map(({ name, filters, ranges, config }) => {
    const listed = listOf(core, filters, facts, pending)
    for (const [first, last] of ranges ?? [[0, listed.length - 1]]) {
      for (const room of listed.slice(first, last + 1)) relevant.addListed(room, name, config)
    }
    return { name, count: listed.length }
  })
  for (const { roomId, config } of request.subscriptions) {
    const row = rooms.find(roomId)
    if (row !== undefined && !row.forgotten && mayBeShown(core, connection, row))
      relevant.addSubscribed(orderedRoom(row, core.userId), config)
  }
  return { counts, rooms: relevant.inOrder() }
}

/**
 * Whether there is anything to show of a room that is asked for by name: no unwanted invitation, and no ban of somebody who was never in the room, unless they
 * were shown an invitation.
 */
function mayBeShown(core: UserCore, connection: Connection, { roomId, membership, newSeq, sender }: RoomListRow): boolean {
  if (membership === 'invite') return !isUnwantedInviter(core, sender)
  return membership !== 'ban' || newSeq > 0 || connection.sent(roomId) !== undefined
}

/** Rooms that the user left by themselves are in no list, except to tell a connection that knows them, or may: after a crash. */
function leftUntold(core: UserCore, connection: Connection): OrderedRoom[] {
  const { hasLostAnswers } = connection.scopes
  return [...core.roomOrder.leftSince(connection.openedSeq)].filter(({ roomId, lastSeq }) => {
    const sent = connection.sent(roomId)
    return sent === undefined ? hasLostAnswers : sent.seq < lastSeq
  })
}

function listOf(core: UserCore, filters: SlidingFilters, facts: FilterFacts, pending: readonly OrderedRoom[]): readonly OrderedRoom[] {
  const { dms, tags, spaces } = facts
  const { ownData } = core.feedKeeper
  const isWanted = (room: OrderedRoom): boolean =>
    matches(room, filters, facts) && !(room.inviter !== null && isUnwantedInviter(core, room.inviter))
  const dependencies = [
    ownData.ignoredUsers(core),
    ownData.invitePermissions.read(core),
    filters.isDm === undefined ? undefined : dms,
    filters.tags === undefined && filters.notTags === undefined ? undefined : tags,
    filters.spaces === undefined ? undefined : spaces,
  ]
  const rooms = core.roomOrder.view(JSON.stringify(filters), dependencies, isWanted)
  const also = pending.filter(isWanted)
  return also.length === 0 ? rooms : [...rooms, ...also].sort(compareActivity)
}

function matches(room: OrderedRoom, filters: SlidingFilters, { dms, tags, spaces }: FilterFacts): boolean {
  if (filters.isDm !== undefined && filters.isDm !== dms.has(room.roomId)) return false
  if (filters.isInvite !== undefined && filters.isInvite !== (room.membership === 'invite')) return false
  if (filters.isEncrypted !== undefined && filters.isEncrypted !== room.encrypted) return false
  if (filters.notRoomTypes?.includes(room.roomType) === true) return false
  if (filters.roomTypes !== undefined && !filters.roomTypes.includes(room.roomType)) return false
  const tagged = (names: readonly string[]): boolean => names.some((name) => tags.get(room.roomId)?.has(name) === true)
  if (filters.notTags !== undefined && tagged(filters.notTags)) return false
  if (filters.tags !== undefined && !tagged(filters.tags)) return false
  return filters.spaces === undefined || filters.spaces.some((space) => spaces.get(space)?.has(room.roomId) === true)
}
