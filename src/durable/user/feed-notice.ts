import type { RoomListRow } from '../../storage/user/room-list.ts'
import type { MembershipNotice } from '../protocol.ts'
import type { RoomFacts } from '../room-news.ts'

/** The row of a room after a notice of the user's own membership, which takes the sequence number `seq`. `isNew`: clients get the room anew. */
export function rowAfterNotice(notice: MembershipNotice, row: RoomListRow | undefined, seq: number, isNew: boolean): RoomListRow {
  const { roomId, generation, membership, pos, sender, isDirect } = notice
  return {
    ...{ roomId, generation, membership, membershipPos: pos, sender, isDirect },
    lastPos: membership === 'join' ? notice.head : pos,
    lastSeq: seq,
    newSeq: isNew ? seq : (row?.newSeq ?? 0),
    prunedSeq: row?.prunedSeq ?? 0,
    dirty: false,
    forgotten: false,
    unreadPos: notice.unreadPos ?? pos,
    unreadSeq: seq,
    ...factsAfter(notice, row),
  }
}

/** What the list keeps of the room: what the notice says; for rooms of elsewhere what is known. A change of membership is activity. */
function factsAfter({ facts, pos }: MembershipNotice, row: RoomListRow | undefined): RoomFacts {
  const { activityTs = 0, bumpTs = 0, encrypted = false, roomType = null } = facts ?? row ?? {}
  return { activityTs, bumpTs, encrypted, roomType, memberPos: facts?.memberPos ?? pos }
}

/** Where the window of a leave, ban, invite or knock starts: behind what is known, and always before the membership event itself. */
export function startOfLeaving(notice: MembershipNotice, row: RoomListRow | undefined): number {
  return row?.membership === 'join' ? Math.min(row.lastPos, notice.pos - 1) : notice.pos - 1
}
