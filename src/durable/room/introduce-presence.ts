import { canonicalJson } from '../../matrix/canonical-json.ts'
import { parseUserId } from '../../matrix/ids/user-id.ts'
import { type Presence, presenceUpdate } from '../../matrix/presence.ts'
import { log } from '../../runtime/log.ts'
import { inTurns } from '../../runtime/turns.ts'
import { objectsOf } from '../objects.ts'
import { awakeMembers, MAX_AUDIENCE_MEMBERS, MAX_AUDIENCE_SERVERS } from './presence-audience.ts'
import type { RoomCore } from './room-core.ts'

/** Members asked, and servers told, at once. */
const PARALLEL = 16

/**
 * Tells servers that a commit has brought into the room which of this server's members are there: what was said before is said again to them only
 * (server-server-api#presence). Bounded like every announcement (presence-audience.ts); worth something only now, and never repeated.
 * @param moved users of other servers whose joined membership began or ended.
 */
export function introducePresence(core: RoomCore, moved: ReadonlySet<string>): void {
  if (!core.config.presence || moved.size === 0 || core.facts.joinedCount() > MAX_AUDIENCE_MEMBERS) return
  const servers = newServers(core, moved)
  if (servers.length > 0) core.ctx.waitUntil(introduce(core, servers))
}

/** Servers all of whose joined users have just come. */
function newServers(core: RoomCore, moved: ReadonlySet<string>): string[] {
  const came = new Map<string, number>()
  for (const userId of moved) {
    const serverName = parseUserId(userId)?.serverName
    if (serverName === undefined || core.members.find(userId)?.membership !== 'join') continue
    came.set(serverName, (came.get(serverName) ?? 0) + 1)
  }
  return [...came]
    .filter(([serverName, users]) => core.members.joinedOfServer(serverName) <= users)
    .slice(0, MAX_AUDIENCE_SERVERS)
    .map(([serverName]) => serverName)
}

async function introduce(core: RoomCore, servers: readonly string[]): Promise<void> {
  const objects = objectsOf(core.env, undefined)
  const present: Presence[] = []
  await inParallel(awakeMembers(core), async (userId) => {
    const presence = await objects.user(userId).currentPresence()
    if (presence !== undefined && presence.presence !== 'offline') present.push(presence)
  })
  if (present.length === 0) return
  const { roomId } = core
  const edus = present.map((presence) => ({ type: 'm.presence', key: presence.userId, body: edu(presence, core.nowMs()) }))
  await inParallel(servers, (serverName) => objects.remoteServer(serverName).sendPresence([roomId], ...edus))
}

function edu(presence: Presence, nowMs: number): string {
  return canonicalJson({ edu_type: 'm.presence', content: { push: [presenceUpdate(presence, nowMs)] } })
}

async function inParallel<T>(items: readonly T[], tell: (item: T) => Promise<unknown>): Promise<void> {
  await inTurns(items, PARALLEL, async (item) => {
    try {
      await tell(item)
    } catch (cause) {
      log.debug('a server new to a room did not hear of a presence', cause)
    }
  })
}
