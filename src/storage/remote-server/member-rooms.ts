import type { ObjectStore } from '../object-store.ts'
import { MAX_MEMBER_ROOMS } from './limits.ts'

/** A user of the other server has come into a room here, or gone out of it. */
export interface MemberMovement {
  readonly userId: string
  readonly joined: boolean
}

/** Stands for every user of the server: in a room whose members are not known yet, any of them may be. */
export const ANY_MEMBER = '*'

/** Rooms that a user is in as far as rooms have told, and those that they may be in, at most `limit`. */
export function roomsOfMember(store: ObjectStore, userId: string, limit: number): string[] {
  return store
    .all<{ room_id: string }>('SELECT DISTINCT room_id FROM member_rooms WHERE user_id IN (?, ?) LIMIT ?', userId, ANY_MEMBER, limit)
    .map(({ room_id: roomId }) => roomId)
}

/** Notes who came into a room and who went. The caller holds the transaction. Answers nothing: a full table takes no more. */
export function writeMemberMovements(store: ObjectStore, roomId: string, movements: readonly MemberMovement[]): void {
  const ids = (joined: boolean): string =>
    JSON.stringify(movements.flatMap((movement) => (movement.joined === joined ? [movement.userId] : [])))
  store.run('DELETE FROM member_rooms WHERE room_id = ?1 AND user_id IN (SELECT value FROM json_each(?2))', roomId, ids(false))
  const count = store.first<{ n: number }>('SELECT count(*) AS n FROM member_rooms')?.n ?? 0
  if (count + movements.length > MAX_MEMBER_ROOMS) return
  store.run('INSERT OR IGNORE INTO member_rooms (user_id, room_id) SELECT value, ?1 FROM json_each(?2)', roomId, ids(true))
}
