import type { SlidingRequest } from '../sliding-protocol.ts'
import { planSliding } from './sliding-plan.ts'
import { parseSlidingToken, type SlidingToken } from './sliding-token.ts'
import type { UserCore } from './user-core.ts'

/** What a parked poll of sliding sync waits for. */
export interface SlidingPoll {
  readonly deviceId: string
  /** As the client named it. */
  readonly connectionId: string
  readonly pos: string
}

/**
 * Whether a poll has something to be told, or cannot be judged here: then its Worker has to ask. What clients wait for is in memory only; after an
 * eviction every poll is asked once.
 */
export function hasSlidingNews(core: UserCore, { deviceId, connectionId, pos }: SlidingPoll): boolean {
  const known = core.slidingRequests.find(deviceId, connectionId)
  if (known === undefined) return true
  const since = parseSlidingToken(core.config, core.userId, deviceId, pos)
  if (core.feedKeeper.mustResume(since.sync) || hasSpaceMoved(core, known.request, since)) return true
  // Where the client shows a position it has been shown before it parks.
  const request: SlidingRequest = { ...known.request, pos, goesOn: true }
  return !planSliding(core, deviceId, request, since, known.spaces).empty
}

/** Whether something has happened in a space whose rooms make a list: which they are has to be asked. */
function hasSpaceMoved({ feedKeeper: { feed } }: UserCore, { lists }: SlidingRequest, { sync }: SlidingToken): boolean {
  const spaces = lists.flatMap(({ filters }) => filters.spaces ?? [])
  if (spaces.length === 0) return false
  const { seq } = feed.resolve(sync)
  return spaces.some((roomId) => (feed.rooms.find(roomId)?.lastSeq ?? 0) > seq)
}
