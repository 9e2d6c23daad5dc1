import type { SyncPlan } from '../../../durable/sync-protocol.ts'
import { formatSyncToken, MAX_HELD_ROOMS, parseSyncToken, roomKey } from '../../../durable/user/sync-token.ts'
import { unknownError } from '../../../matrix/errors.ts'
import type { Config } from '../../../runtime/config.ts'
import type { Windows } from './windows.ts'

/**
 * The token for a response that lacks the rooms which could not be asked: it stays where the client is in each of them, so that a later sync tells
 * what this one could not. One broken room must neither lose events nor keep the others from arriving.
 * @throws MatrixError M_UNKNOWN where more rooms fail than a token can hold; the client then asks again from where it is.
 */
export function nextBatchHolding(config: Config, plan: SyncPlan, windows: Windows): string {
  const failed = plan.rooms.filter(({ roomId }) => windows.has(roomId) && windows.get(roomId) === undefined)
  if (failed.length === 0) return plan.nextBatch
  if (failed.length > MAX_HELD_ROOMS) throw unknownError('Too many rooms cannot be reached')
  const { userId, deviceId } = plan
  const token = parseSyncToken(config, userId, deviceId, plan.nextBatch)
  const held = new Map(failed.map(({ roomId, sinceSeq }) => [roomKey(roomId), sinceSeq]))
  return formatSyncToken(config, userId, deviceId, { ...token, held })
}
