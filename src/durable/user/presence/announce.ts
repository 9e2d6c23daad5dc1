import { canonicalJson } from '../../../matrix/canonical-json.ts'
import { type Presence, presenceUpdate } from '../../../matrix/presence.ts'
import { nowMs } from '../../../runtime/clock.ts'
import { log } from '../../../runtime/log.ts'
import { inTurns } from '../../../runtime/turns.ts'
import { objectsOf } from '../../objects.ts'
import type { UserCore } from '../user-core.ts'

/** Rooms whose members are told: those with the latest activity. */
const MAX_ROOMS = 50
/** Users of this server, and other servers, that one change is told to. */
const MAX_USERS = 500
const MAX_SERVERS = 50
/** Told at once. */
const PARALLEL = 16

/** Who is told of a change. */
interface Audience {
  readonly users: ReadonlySet<string>
  /** Other servers, and in which rooms. */
  readonly servers: ReadonlyMap<string, readonly string[]>
}

/**
 * Tells those who share a room with the user, or one that was joined, of their presence (docs/design/presence.md), as far as they are awake, in bounded numbers. Answers what they say of
 * their own. Nothing is repeated: presence is worth something only now.
 */
export async function announcePresence(core: UserCore, own: Presence, joined?: readonly string[]): Promise<Presence[]> {
  const { users, servers } = await audienceOf(core, joined ?? roomsToTell(core))
  const objects = objectsOf(core.env, undefined)
  const answers: Presence[] = []
  await inParallel([...users], async (userId) => {
    const answer = await objects.user(userId).takePresence([own], joined !== undefined)
    if (answer !== undefined) answers.push(answer)
  })
  const body = canonicalJson({ edu_type: 'm.presence', content: { push: [presenceUpdate(own, nowMs())] } })
  await inParallel([...servers], ([serverName, roomIds]) =>
    objects.remoteServer(serverName).sendPresence(roomIds, { type: 'm.presence', key: own.userId, body }),
  )
  return answers
}

function roomsToTell(core: UserCore): string[] {
  const joined = core.feedKeeper.feed.rooms.all().filter(({ membership }) => membership === 'join')
  joined.sort((left, right) => right.activityTs - left.activityTs)
  return joined.slice(0, MAX_ROOMS).map(({ roomId }) => roomId)
}

async function audienceOf(core: UserCore, roomIds: readonly string[]): Promise<Audience> {
  const users = new Set<string>()
  const servers = new Map<string, string[]>()
  const caller = { userId: core.userId, deviceId: undefined, requestId: 'presence' }
  const objects = objectsOf(core.env, undefined)
  await inParallel(roomIds, async (roomId) => {
    const found = await objects.room(roomId).presenceAudience(caller)
    for (const userId of found.users) if (users.size < MAX_USERS && userId !== core.userId) users.add(userId)
    for (const serverName of found.servers) {
      const rooms = servers.get(serverName)
      if (rooms !== undefined) rooms.push(roomId)
      else if (servers.size < MAX_SERVERS) servers.set(serverName, [roomId])
    }
  })
  return { users, servers }
}

async function inParallel<T>(items: readonly T[], tell: (item: T) => Promise<unknown>): Promise<void> {
  await inTurns(items, PARALLEL, async (item) => {
    try {
      await tell(item)
    } catch (cause) {
      log.debug('somebody did not hear of a presence', cause)
    }
  })
}
