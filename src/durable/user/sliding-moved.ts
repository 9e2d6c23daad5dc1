import type { MovedMembers } from '../sliding-protocol.ts'
import type { Feed } from './feed.ts'
import type { SlidingToken } from './sliding-token.ts'
import { roomKey } from './sync-token.ts'

/** Rooms that are asked who came and went in one response, besides those that it shows: the rest follows with the next, at once. */
export const MAX_MOVED_ROOMS = 200

/** Rooms that are to be asked who came and went, and up to which place of the feed that is then known. */
export interface Moved {
  readonly rooms: readonly MovedMembers[]
  readonly upTo: number
}

/** What stands in a position for a room that could not be asked who came and went. */
export function movedKey(roomId: string): string {
  return roomKey(`members of ${roomId}`)
}

/** Where a position is in the memberships of rooms. `seq` is what its mark means now. */
export function memberSeqOf(since: SlidingToken, seq: number): number {
  return Math.min(since.memberSeq ?? seq, seq)
}

/**
 * Rooms in which somebody may have come or gone since a position: in the order of their first news, so that what does not fit is where the next
 * response begins. Rooms that the response `shows` are asked in any case: what it says may refer to who is in them.
 */
export function movedSince(feed: Feed, since: SlidingToken, seq: number, shows: ReadonlySet<string>, max = MAX_MOVED_ROOMS): Moved {
  const from = memberSeqOf(since, seq)
  const rooms = new Map<string, MovedMembers>()
  let upTo = feed.seq
  let asked = 0
  const changed = from < feed.seq ? feed.changedSince(from) : []
  for (const { row, from: fromPos, firstSeq } of changed.sort((left, right) => left.firstSeq - right.firstSeq)) {
    const isRelevant = row.membership === 'join' || row.membership === 'leave' || row.membership === 'ban'
    const hasMoved = fromPos === null || row.memberPos > fromPos || row.membership !== 'join'
    if (!isRelevant || !hasMoved || row.newSeq === 0) continue
    asked += 1
    if (asked > max) upTo = Math.min(upTo, firstSeq - 1)
    if (asked <= max || shows.has(row.roomId)) rooms.set(row.roomId, { roomId: row.roomId, from: fromPos, to: row.lastPos, sinceSeq: from })
  }
  for (const room of heldRooms(feed, since, from)) rooms.set(room.roomId, room)
  return { rooms: [...rooms.values()], upTo }
}

/** Rooms that could not be asked before, from where the client is in them. */
function heldRooms(feed: Feed, since: SlidingToken, seq: number): MovedMembers[] {
  const { held } = since.sync
  if (held.size === 0) return []
  return feed.rooms.all().flatMap((row) => {
    const heldSeq = held.get(movedKey(row.roomId))
    if (heldSeq === undefined || row.newSeq === 0) return []
    const sinceSeq = Math.min(heldSeq, seq)
    return [{ roomId: row.roomId, from: feed.startOf(row, sinceSeq), to: row.lastPos, sinceSeq }]
  })
}
