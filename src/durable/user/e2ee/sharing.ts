import { log } from '../../../runtime/log.ts'
import type { RoomStub } from '../../objects.ts'
import { objectsOf } from '../../objects.ts'
import type { Caller } from '../../protocol.ts'
import { joinedRooms } from '../notices.ts'
import type { UserCore } from '../user-core.ts'

/** Rooms asked at once. */
const ROOMS_AT_ONCE = 50

/** Local users who share a room with this one now, without this one. `complete` is false where a room did not answer. */
export async function usersSharingRooms(core: UserCore): Promise<{ readonly users: string[]; readonly complete: boolean }> {
  const users = new Set<string>()
  let complete = true
  await askRooms(core, async (room, caller) => {
    try {
      for (const userId of await room.localJoined(caller)) users.add(userId)
    } catch (cause) {
      log.warn('a room did not say who is in it', cause)
      complete = false
    }
    return true
  })
  users.delete(core.userId)
  return { users: [...users], complete }
}

/**
 * Those of some users who share no room with this one any more, against the rooms as they are. A user is only named if every room has
 * answered: who may still be there has not left.
 */
export async function usersSharingNothing(core: UserCore, candidates: readonly string[]): Promise<string[]> {
  const left = new Set(candidates)
  left.delete(core.userId)
  if (left.size === 0) return []
  let failed = false
  await askRooms(core, async (room, caller) => {
    try {
      for (const userId of await room.joinedAmong(caller, [...left])) left.delete(userId)
    } catch (cause) {
      log.warn('a room did not say whether somebody is in it', cause)
      failed = true
    }
    return left.size > 0 && !failed
  })
  return failed ? [] : [...left]
}

/** Asks every joined room, until one answer makes the rest superfluous. */
async function askRooms(core: UserCore, ask: (room: RoomStub, caller: Caller) => Promise<boolean>): Promise<void> {
  const roomIds = joinedRooms(core)
  const objects = objectsOf(core.env, undefined)
  const caller: Caller = { userId: core.userId, deviceId: undefined, requestId: 'sharing' }
  const queue = roomIds.values()
  let goOn = true
  const workers = Array.from({ length: Math.min(ROOMS_AT_ONCE, roomIds.length) }, async () => {
    for (const roomId of queue) {
      if (!goOn) return
      if (!(await ask(objects.room(roomId), caller))) goOn = false
    }
  })
  await Promise.all(workers)
}
