import { type Membership, toMembership } from '../../matrix/membership.ts'
import type { ObjectStore } from '../object-store.ts'
import type { RoomListRow } from './room-list.ts'

/** Rooms read at once: their text stays far below what one value may have. */
const PAGE_ROOMS = 2_000

/** What of a room decides in which lists it is, and where. */
export interface OrderedRoom {
  readonly roomId: string
  readonly membership: Membership
  readonly activityTs: number
  readonly lastSeq: number
  readonly encrypted: boolean
  readonly roomType: string | null
  /** Who invited, for invites. */
  readonly inviter: string | null
  /** `left`: by the user alone, who knows; whoever was thrown out may not. `absent`: lists have nothing to do with it. */
  readonly standing: 'listed' | 'left' | 'absent'
}

/** The part of a row that decides. */
export function orderedRoom(row: RoomListRow, userId: string): OrderedRoom {
  const { roomId, membership, activityTs, lastSeq, encrypted, roomType, sender, newSeq, forgotten } = row
  const inviter = membership === 'invite' ? sender : null
  const standing = forgotten ? 'absent' : standingOf(membership, newSeq > 0 && sender !== userId)
  return { roomId, membership, activityTs, lastSeq, encrypted, roomType, inviter, standing }
}

/** `wasRemoved`: the user was in the room, and somebody else ended that. */
function standingOf(membership: Membership, wasRemoved: boolean): OrderedRoom['standing'] {
  if (membership !== 'leave' && membership !== 'ban') return 'listed'
  return wasRemoved ? 'listed' : 'left'
}

type Tuple = [
  roomId: string,
  membership: string,
  activityTs: number,
  lastSeq: number,
  encrypted: number,
  roomType: string | null,
  inviter: string | null,
  wasRemoved: number,
]

/** The same of every room that is not forgotten. One text for many rooms: reading thousands of rows value by value is what would take the time. */
export function readOrderedRooms(store: ObjectStore, userId: string): OrderedRoom[] {
  const rooms: OrderedRoom[] = []
  for (let after = ''; ; ) {
    const page = store.first<{ rooms: string }>(
      `SELECT json_group_array(json_array(room_id, membership, activity_ts, last_seq, encrypted, room_type,
         iif(membership = 'invite', sender, NULL), new_seq > 0 AND sender <> ?1)) AS rooms
       FROM (SELECT * FROM rooms WHERE room_id > ?2 AND forgotten = 0 ORDER BY room_id LIMIT ?3)`,
      ...[userId, after, PAGE_ROOMS],
    )
    const tuples: Tuple[] = JSON.parse(page?.rooms ?? '[]')
    for (const tuple of tuples) rooms.push(decode(tuple))
    const last = rooms.at(-1)
    if (last === undefined || tuples.length < PAGE_ROOMS) return rooms
    after = last.roomId
  }
}

function decode([roomId, membershipText, activityTs, lastSeq, encrypted, roomType, inviter, wasRemoved]: Tuple): OrderedRoom {
  const membership = toMembership(membershipText)
  return {
    roomId,
    membership,
    activityTs,
    lastSeq,
    encrypted: encrypted === 1,
    roomType,
    inviter,
    standing: standingOf(membership, wasRemoved === 1),
  }
}
