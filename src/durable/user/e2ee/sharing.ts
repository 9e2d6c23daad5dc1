import { log } from '../../../runtime/log.ts'
import type { RoomStub } from '../../objects.ts'
import { objectsOf } from '../../objects.ts'
import type { Caller } from '../../protocol.ts'
import type { Sharers } from '../../room/sharing.ts'
import { joinedRooms } from '../notices.ts'
import type { UserCore } from '../user-core.ts'

/** Rooms asked at once. */
const ROOMS_AT_ONCE = 50

/** Who is to hear of this user's devices, apart from this user. `complete` is false where a room did not answer. */
export interface SharersOfRooms extends Sharers {
  readonly complete: boolean
}

/** Local users and other servers that share a room with this user now. */
export async function sharersOfRooms(core: UserCore): Promise<SharersOfRooms> {
  const users = new Set<string>()
  const servers = new Set<string>()
  let complete = true
  await askRooms(core, async (room, caller) => {
    try {
      const found = await room.sharers(caller)
      for (const userId of found.users) users.add(userId)
      for (const serverName of found.servers) servers.add(serverName)
    } catch (cause) {
      log.warn('a room did not say who is in it', cause)
      complete = false
    }
    return true
  })
  users.delete(core.userId)
  return { users: [...users], servers: [...servers], complete }
}

/** The same for one room. */
export async function sharersOfRoom(core: UserCore, roomId: string): Promise<Sharers> {
  return await objectsOf(core.env, undefined).room(roomId).sharers(callerOf(core))
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

/** Asks every joined room, until one answer (`false`) makes the rest superfluous. */
export async function askRooms(core: UserCore, ask: (room: RoomStub, caller: Caller, roomId: string) => Promise<boolean>): Promise<void> {
  const roomIds = joinedRooms(core)
  const objects = objectsOf(core.env, undefined)
  const caller = callerOf(core)
  const queue = roomIds.values()
  let goOn = true
  const workers = Array.from({ length: Math.min(ROOMS_AT_ONCE, roomIds.length) }, async () => {
    for (const roomId of queue) {
      if (!goOn) return
      if (!(await ask(objects.room(roomId), caller, roomId))) goOn = false
    }
  })
  await Promise.all(workers)
}

function callerOf(core: UserCore): Caller {
  return { userId: core.userId, deviceId: undefined, requestId: 'sharing' }
}
