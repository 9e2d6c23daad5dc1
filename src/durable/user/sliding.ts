import { nowMs } from '../../runtime/clock.ts'
import { log } from '../../runtime/log.ts'
import { objectsOf } from '../objects.ts'
import type { SlidingPlan, SlidingRequest } from '../sliding-protocol.ts'
import { replaceParked } from './parking-wake.ts'
import { prepareSync, pullDirty } from './resume.ts'
import type { Requester } from './session-base.ts'
import { MAX_SPACES } from './sliding-lists.ts'
import { planSliding } from './sliding-plan.ts'
import { parseSlidingToken, type SlidingToken } from './sliding-token.ts'
import { healUnread } from './unread-heal.ts'
import type { UserCore } from './user-core.ts'

/** Plans a response of sliding sync. @throws MatrixError M_UNKNOWN_POS for a position that is not this connection's, or too old. */
export async function slidingNow(core: UserCore, requester: Requester, request: SlidingRequest): Promise<SlidingPlan> {
  const { userId, deviceId } = requester
  core.presence?.polled(deviceId, request.setPresence)
  const since = request.pos === undefined ? undefined : parseSlidingToken(core.config, userId, deviceId, request.pos)
  await prepareSliding(core, since, requester)
  const spaces = await spacesFor(core, requester, request)
  core.slidingRequests.set(deviceId, { request, spaces })
  // A poll of this connection that still waits belongs to a request which the client has given up.
  replaceParked(core, deviceId, `sliding/${request.connectionId}`)
  return planSliding(core, deviceId, request, since, spaces)
}

/**
 * What must happen before a plan can be made. A connection that starts does not wake every room: what hints lost with an earlier life of the object is
 * brought by the rooms themselves, within half a minute, as news.
 */
async function prepareSliding(core: UserCore, since: SlidingToken | undefined, { requestId }: Requester): Promise<void> {
  if (since !== undefined) return prepareSync(core, since.sync, requestId)
  core.feedKeeper.notePoll(nowMs())
  await pullDirty(core, requestId)
  await healUnread(core, requestId)
}

/** The rooms of spaces that filters name, as far as the user is in them. */
async function spacesFor(core: UserCore, requester: Requester, request: SlidingRequest): Promise<ReadonlyMap<string, ReadonlySet<string>>> {
  const named = new Set(request.lists.flatMap(({ filters }) => filters.spaces ?? []))
  const joined = [...named].filter((roomId) => core.feedKeeper.feed.rooms.find(roomId)?.membership === 'join').slice(0, MAX_SPACES)
  const children = await Promise.all(
    joined.map(async (roomId): Promise<readonly [string, ReadonlySet<string>]> => {
      try {
        return [roomId, new Set(await objectsOf(core.env, requester.requestId).room(roomId).spaceChildren(requester))]
      } catch (cause) {
        log.warn('a space did not say which rooms it has', cause)
        return [roomId, new Set()]
      }
    }),
  )
  return new Map(children)
}
