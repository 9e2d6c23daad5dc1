import type { Presence } from '../../matrix/presence.ts'
import { log } from '../../runtime/log.ts'
import { objectsOf } from '../objects.ts'
import type { Caller } from '../protocol.ts'
import { mayReport } from './federation/remote-ephemeral.ts'
import { isServerAllowed } from './federation/server-access.ts'
import type { RoomCore } from './room-core.ts'

/** In a room with more joined members nobody is told how others are. */
export const MAX_AUDIENCE_MEMBERS = 500
/** With more local members who are awake, nobody is told either. */
const MAX_AWAKE = 200
/** Other servers named at a time. */
export const MAX_AUDIENCE_SERVERS = 50

/** Who shares this room with somebody and wants to know how they are. */
export interface PresenceAudience {
  /** This server's joined members who are awake. */
  readonly users: readonly string[]
  readonly servers: readonly string[]
}

const NOBODY: PresenceAudience = { users: [], servers: [] }

/** Who is to be told of the caller's presence: nobody in large rooms, and nobody unless the caller is joined. */
export function presenceAudience(core: RoomCore, caller: Caller): PresenceAudience {
  if (core.findHead()?.life !== 'active' || core.members.find(caller.userId)?.membership !== 'join') return NOBODY
  if (core.facts.joinedCount() > MAX_AUDIENCE_MEMBERS) return NOBODY
  const servers = core.members.joinedServers('', MAX_AUDIENCE_SERVERS).filter((serverName) => serverName !== core.config.serverName)
  return { users: awakeMembers(core), servers }
}

/** This server's joined members who are awake; nobody where they are too many. */
export function awakeMembers(core: RoomCore): string[] {
  const awake = [...(core.listeners?.().values() ?? [])].filter(({ asleep }) => !asleep)
  return awake.length > MAX_AWAKE ? [] : awake.map(({ userId }) => userId)
}

/** Another server says how users of its own are: members who are awake hear of those who are joined here (SECURITY D1, D2, F15). */
export async function takeRemotePresence(core: RoomCore, serverName: string, presences: readonly Presence[]): Promise<void> {
  if (core.findHead()?.life !== 'active' || core.facts.joinedCount() > MAX_AUDIENCE_MEMBERS) return
  if (!isServerAllowed(core, serverName)) return
  const here = presences.filter(({ userId }) => mayReport(core, serverName, userId))
  if (here.length === 0) return
  const objects = objectsOf(core.env, undefined)
  await Promise.all(
    awakeMembers(core).map(async (userId) => {
      try {
        await objects.user(userId).takePresence(here, false)
      } catch (cause) {
        log.debug('a member did not hear of a presence', cause)
      }
    }),
  )
}
