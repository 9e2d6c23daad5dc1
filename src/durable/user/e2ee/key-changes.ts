import type { SyncPlan } from '../../sync-protocol.ts'
import { prepareSync } from '../resume.ts'
import type { Requester } from '../session-base.ts'
import { planSync } from '../sync-plan.ts'
import { parseSyncToken } from '../sync-token.ts'
import type { UserCore } from '../user-core.ts'

/** Rooms are asked for who came and went; their events are of no interest. */
const SMALL_WINDOWS = JSON.stringify({ room: { timeline: { limit: 1 } } })

/**
 * What a sync from this token would tell, for `GET /keys/changes`; acknowledges nothing.
 * @throws MatrixError M_UNKNOWN_POS for a token that was not issued to this device.
 */
export async function planKeyChanges(core: UserCore, requester: Requester, from: string): Promise<SyncPlan> {
  const since = parseSyncToken(core.config, core.userId, requester.deviceId, from)
  await prepareSync(core, since, requester.requestId)
  const request = { since: from, fullState: false, filter: SMALL_WINDOWS }
  return planSync(core, requester.deviceId, { ...since, toDevice: 0 }, request, true)
}
