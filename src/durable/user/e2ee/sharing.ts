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

/** What became of users who went out of a room. */
export interface Departed {
  /** They share no room any more. */
  readonly left: readonly string[]
  /** They may: a room did not answer. */
  readonly unsure: readonly string[]
}

/**
 * Which of some users share no room with this one any more, against the rooms as they are. A user counts as gone only if every room has answered:
 * who may still be there has not left.
 */
export async function usersSharingNothing(core: UserCore, candidates: readonly string[]): Promise<Departed> {
  const left = new Set(candidates)
  left.delete(core.userId)
  if (left.size === 0) return { left: [], unsure: [] }
  let failed = false
  await askRooms(core, async (room, caller) => {
    for (const isLast of [false, true]) {
      try {
        for (const userId of await room.joinedAmong(caller, [...left])) left.delete(userId)
        break
      } catch (cause) {
        // Its object may have ended meanwhile: then the next one answers.
        if (isLast) log.warn('a room did not say whether somebody is in it', cause)
        failed ||= isLast
      }
    }
    return left.size > 0
  })
  return failed ? { left: [], unsure: [...left] } : { left: [...left], unsure: [] }
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
