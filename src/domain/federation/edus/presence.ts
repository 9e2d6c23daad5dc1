import { parseUserId } from '../../../matrix/ids/user-id.ts'
import { type Presence, parsePresenceUpdate } from '../../../matrix/presence.ts'
import { nowMs } from '../../../runtime/clock.ts'
import type { EduHandler } from './receive-edus.ts'
import { inRooms } from './rooms.ts'

/** Updates of one transaction; further ones are left out. */
const MAX_UPDATES = 100
/** Rooms shared with the other server in which members are told. */
const MAX_ROOMS = 50

/** Presence (server-server-api#presence): told to members of rooms that the server and its user share with them, the latest of each user. */
export const receivePresence: EduHandler = async (ctx, serverName, edus) => {
  if (!ctx.config.presence) return true
  const now = nowMs()
  const latest = new Map<string, Presence>()
  for (const { content } of edus) {
    for (const json of Array.isArray(content.push) ? content.push.slice(0, MAX_UPDATES) : []) {
      const update = parsePresenceUpdate(json, now)
      if (update === undefined || parseUserId(update.userId)?.serverName !== serverName || latest.size >= MAX_UPDATES) continue
      latest.set(update.userId, update)
    }
  }
  if (latest.size === 0) return true
  const roomIds = await ctx.objects.remoteServer(serverName).sharedRooms(MAX_ROOMS)
  const presences = [...latest.values()]
  // Nobody waits for this: it is worth something only now.
  ctx.waitUntil(inRooms(ctx, new Map(roomIds.map((roomId) => [roomId, presences])), (room, what) => room.remotePresence(serverName, what)))
  return true
}
