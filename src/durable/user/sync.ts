import { unknownPos } from '../../matrix/errors.ts'
import { nowMs } from '../../runtime/clock.ts'
import type { SyncPlan, SyncRequest } from '../sync-protocol.ts'
import { prepareSync, takePulls } from './resume.ts'
import type { Requester } from './session-base.ts'
import { isSlidingToken, parseSlidingToken } from './sliding-token.ts'
import { planSync } from './sync-plan.ts'
import { parseSyncToken } from './sync-token.ts'
import type { UserCore } from './user-core.ts'

/**
 * Plans a sync response for a poll that does not wait. For a client that starts from nothing, before this life of the account has asked its rooms where
 * they are, the plan says that they must be (`mustPull`). @throws MatrixError M_UNKNOWN_POS, and for a filter that cannot be used.
 */
export async function syncNow(core: UserCore, requester: Requester, request: SyncRequest): Promise<SyncPlan> {
  const { userId, deviceId, requestId } = requester
  core.presence?.polled(deviceId, request.setPresence)
  const since = request.since === undefined ? undefined : parseSyncToken(core.config, userId, deviceId, request.since)
  if (since === undefined && request.pulls === undefined && core.feedKeeper.mustResume(undefined)) return planPulls(core, deviceId, request)
  if (request.pulls === undefined) await prepareSync(core, since, requestId)
  else await takePulls(core, request.pulls, requestId)
  return planSync(core, deviceId, since, request, true)
}

/** Every room has to be asked for what it says to this client: where it is can be asked with it. */
function planPulls(core: UserCore, deviceId: string, request: SyncRequest): SyncPlan {
  core.feedKeeper.notePoll(nowMs())
  const plan = planSync(core, deviceId, undefined, request, true)
  const { rooms } = core.feedKeeper.feed
  return { ...plan, mustPull: true, rooms: plan.rooms.map((room) => ({ ...room, unreadPos: rooms.find(room.roomId)?.unreadPos ?? 0 })) }
}

/**
 * The position in a room that a sync token stands for: everything up to it had been sent when the token was issued. Where that is not known any
 * more, a later one: for reading backwards nothing is missing then, at worst something comes again.
 * @throws MatrixError M_UNKNOWN_POS for a token that was not issued to this device, or where the user's list does not name the room.
 */
export function positionIn(core: UserCore, deviceId: string, text: string, roomId: string): number {
  const { config, userId } = core
  const isSliding = isSlidingToken(text)
  const since = isSliding ? parseSlidingToken(config, userId, deviceId, text).sync : parseSyncToken(config, userId, deviceId, text)
  const { feed } = core.feedKeeper
  const row = feed.rooms.find(roomId)
  if (row === undefined || row.forgotten) throw unknownPos()
  const { seq } = feed.resolve(since)
  const start = feed.startOf(row, seq)
  // A token from before the user joined stands for the moment of joining.
  return start ?? (row.prunedSeq <= seq && row.membershipPos > 0 ? row.membershipPos : row.lastPos)
}
