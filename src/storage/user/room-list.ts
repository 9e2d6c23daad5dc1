import { type Membership, toMembership } from '../../matrix/membership.ts'
import type { ObjectStore } from '../object-store.ts'

/** One room of a user's list (docs/design/feed.md). Positions belong to the room's generation, sequence numbers to the user's feed. */
export interface RoomListRow {
  readonly roomId: string
  readonly membership: Membership
  readonly generation: string
  /** Position of the membership event that counts; notices at or below it are old news. */
  readonly membershipPos: number
  /** Who set the membership: the inviter, the kicker, the user. */
  readonly sender: string
  readonly isDirect: boolean
  /** Everything up to here is in the feed; for rooms that the user has left, the end. */
  readonly lastPos: number
  /** The room's latest feed entry. */
  readonly lastSeq: number
  /** For positions of the feed below this one the room counts as new. */
  readonly newSeq: number
  /** The room's entries up to this one have been pruned. */
  readonly prunedSeq: number
  /** The room must be asked where it is: it may have stopped ringing. */
  readonly dirty: boolean
  /** The user has forgotten the room: it is treated as absent, except that old notices stay old. */
  readonly forgotten: boolean
  /** Unread marks are right up to this position. */
  readonly unreadPos: number
  /** The room's feed entry with which unread counts changed last. */
  readonly unreadSeq: number
  /** See `RoomFacts` of the protocol. */
  readonly activityTs: number
  readonly bumpTs: number
  readonly memberPos: number
  readonly encrypted: boolean
  readonly roomType: string | null
}

type Columns = {
  room_id: string
  membership: string
  generation: string
  membership_pos: number
  sender: string
  is_direct: number
  last_pos: number
  last_seq: number
  new_seq: number
  pruned_seq: number
  dirty: number
  forgotten: number
  unread_pos: number
  unread_seq: number
  activity_ts: number
  bump_ts: number
  member_pos: number
  encrypted: number
  room_type: string | null
}
const COLUMNS =
  'room_id, membership, generation, membership_pos, sender, is_direct, last_pos, last_seq, new_seq, pruned_seq, dirty, forgotten, ' +
  'unread_pos, unread_seq, activity_ts, bump_ts, member_pos, encrypted, room_type'

function decode(row: Columns): RoomListRow {
  return {
    roomId: row.room_id,
    membership: toMembership(row.membership),
    generation: row.generation,
    membershipPos: row.membership_pos,
    sender: row.sender,
    isDirect: row.is_direct === 1,
    lastPos: row.last_pos,
    lastSeq: row.last_seq,
    newSeq: row.new_seq,
    prunedSeq: row.pruned_seq,
    dirty: row.dirty === 1,
    forgotten: row.forgotten === 1,
    unreadPos: row.unread_pos,
    unreadSeq: row.unread_seq,
    activityTs: row.activity_ts,
    bumpTs: row.bump_ts,
    memberPos: row.member_pos,
    encrypted: row.encrypted === 1,
    roomType: row.room_type,
  }
}

/** A room by its ID. */
export function readRoomListRow(store: ObjectStore, roomId: string): RoomListRow | undefined {
  const row = store.first<Columns>(`SELECT ${COLUMNS} FROM rooms WHERE room_id = ?`, roomId)
  return row && decode(row)
}

/** Every room of the user. Their number is bounded by the limits on joining and inviting. */
export function readRoomList(store: ObjectStore): RoomListRow[] {
  return store.all<Columns>(`SELECT ${COLUMNS} FROM rooms`).map(decode)
}

/** Rooms marked dirty. */
export function readDirtyRoomIds(store: ObjectStore): string[] {
  return store.all<{ room_id: string }>('SELECT room_id FROM rooms WHERE dirty = 1').map((row) => row.room_id)
}

/** Joined rooms whose unread marks are behind. */
export function readRoomIdsBehind(store: ObjectStore): string[] {
  return store
    .all<{ room_id: string }>("SELECT room_id FROM rooms WHERE unread_pos < last_pos AND membership = 'join'")
    .map((row) => row.room_id)
}

/** Rooms that lost an entry above a sequence number to pruning. */
export function readRoomIdsPrunedAbove(store: ObjectStore, seq: number): string[] {
  return store.all<{ room_id: string }>('SELECT room_id FROM rooms WHERE pruned_seq > ?', seq).map((row) => row.room_id)
}

/** Writes a row. The caller holds the transaction. */
export function upsertRoomListRow(store: ObjectStore, row: RoomListRow): void {
  store.run(
    `INSERT OR REPLACE INTO rooms (${COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    row.roomId,
    row.membership,
    row.generation,
    row.membershipPos,
    row.sender,
    row.isDirect ? 1 : 0,
    row.lastPos,
    row.lastSeq,
    row.newSeq,
    row.prunedSeq,
    row.dirty ? 1 : 0,
    row.forgotten ? 1 : 0,
    row.unreadPos,
    row.unreadSeq,
    row.activityTs,
    row.bumpTs,
    row.memberPos,
    row.encrypted ? 1 : 0,
    row.roomType,
  )
}

/** The stripped state of an invite or knock: a JSON array. */
export function readStrippedState(store: ObjectStore, roomId: string): string | undefined {
  return store.first<{ events: string }>('SELECT events FROM stripped_state WHERE room_id = ?', roomId)?.events
}

/** Replaces the stripped state of a room, or removes it. The caller holds the transaction. */
export function writeStrippedState(store: ObjectStore, roomId: string, events: string | undefined): void {
  if (events === undefined) store.run('DELETE FROM stripped_state WHERE room_id = ?', roomId)
  else store.run('INSERT OR REPLACE INTO stripped_state (room_id, events) VALUES (?, ?)', roomId, events)
}
