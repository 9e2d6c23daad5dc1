import { unknownPos } from '../../matrix/errors.ts'
import type { SyncPlan, SyncRequest } from '../protocol.ts'
import { prepareSync } from './resume.ts'
import type { Requester } from './session-base.ts'
import { isSlidingToken, parseSlidingToken } from './sliding-token.ts'
import { planSync } from './sync-plan.ts'
import { parseSyncToken } from './sync-token.ts'
import type { UserCore } from './user-core.ts'

/** Plans a sync response for a poll that does not wait. @throws MatrixError M_UNKNOWN_POS, and for a filter that cannot be used. */
export async function syncNow(core: UserCore, requester: Requester, request: SyncRequest): Promise<SyncPlan> {
  const { userId, deviceId, requestId } = requester
  const since = request.since === undefined ? undefined : parseSyncToken(core.config, userId, deviceId, request.since)
  await prepareSync(core, since, requestId)
  return planSync(core, deviceId, since, request, true)
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
