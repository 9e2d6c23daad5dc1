import { log } from '../../../runtime/log.ts'
import type { UserCore } from '../user-core.ts'
import { askRooms } from './sharing.ts'

/** A room that this user and another have been in without a break: as long as that holds, changes of the other's devices are heard of. */
export interface Witness {
  readonly roomId: string
  readonly generation: string
  /** Since when the other user has been there, and since when this one. */
  readonly pos: number
  readonly readerPos: number
}

/** Another user whom this one shares a room with. */
export interface Acquaintance {
  readonly userId: string
  /** Absent where the other user is only invited or knocks. */
  readonly witness: Witness | undefined
}

/**
 * Those of some users who are joined to a room of this user, invited to one or knock at one. Who cannot be found because a room does not answer is a
 * stranger: nothing is shown that should not be.
 */
export async function findAcquaintances(core: UserCore, userIds: readonly string[]): Promise<Acquaintance[]> {
  const found = new Map<string, Acquaintance>()
  const wanted = new Set(userIds)
  if (wanted.size === 0) return []
  await askRooms(core, async (room, caller, roomId) => {
    try {
      const answer = await room.acquaintances(caller, [...wanted])
      if (answer === undefined) return true
      const { generation, readerPos } = answer
      for (const [userId, pos] of answer.joined) {
        found.set(userId, { userId, witness: { roomId, generation, pos, readerPos } })
        wanted.delete(userId)
      }
      for (const userId of answer.expected) if (!found.has(userId)) found.set(userId, { userId, witness: undefined })
    } catch (cause) {
      log.warn('a room did not say who is in it', cause)
    }
    return wanted.size > 0
  })
  return [...found.values()]
}

/** How a server is in rooms of this user: with a joined member, or at least with one who is invited or knocks. A room that does not answer shows nothing. */
export async function presenceOfServer(core: UserCore, serverName: string): Promise<'joined' | 'expected' | 'none'> {
  let found: 'joined' | 'expected' | 'none' = 'none'
  await askRooms(core, async (room, caller) => {
    try {
      const presence = await room.serverPresence(caller, serverName)
      if (presence === 'joined' || found === 'none') found = presence
    } catch (cause) {
      log.warn('a room did not say whether a server is in it', cause)
    }
    return found !== 'joined'
  })
  return found
}

/** Servers that were found in rooms are remembered per life of the object. */
const MAX_REMEMBERED_SERVERS = 1_000
const remembered = new WeakMap<UserCore, Set<string>>()

/** Those of some servers that have members, joined or expected, in rooms of this user, or had in this life of the object. */
export async function knownServers(core: UserCore, serverNames: readonly string[]): Promise<string[]> {
  const known = remembered.get(core) ?? new Set<string>()
  remembered.set(core, known)
  const found = await Promise.all(
    serverNames.map(async (serverName) => known.has(serverName) || (await presenceOfServer(core, serverName)) !== 'none'),
  )
  const there = serverNames.filter((_, index) => found[index])
  if (known.size + there.length > MAX_REMEMBERED_SERVERS) known.clear()
  for (const serverName of there) known.add(serverName)
  return there
}
