import type { SyncPlan } from '../../sync-protocol.ts'
import { prepareSync } from '../resume.ts'
import type { Requester } from '../session-base.ts'
import { memberSeqOf } from '../sliding-moved.ts'
import { isSlidingToken, parseSlidingToken } from '../sliding-token.ts'
import { planSync } from '../sync-plan.ts'
import { parseSyncToken, type SyncToken } from '../sync-token.ts'
import type { UserCore } from '../user-core.ts'

/** Rooms are asked for who came and went; their events are of no interest. */
const SMALL_WINDOWS = JSON.stringify({ room: { timeline: { limit: 1 } } })

/**
 * What a sync from this token would tell, for `GET /keys/changes`; acknowledges nothing.
 * @throws MatrixError M_UNKNOWN_POS for a token that was not issued to this device.
 */
export async function planKeyChanges(core: UserCore, requester: Requester, from: string): Promise<SyncPlan> {
  const since = parsePosition(core, requester.deviceId, from)
  await prepareSync(core, since, requester.requestId)
  const request = { since: from, fullState: false, filter: SMALL_WINDOWS }
  return planSync(core, requester.deviceId, { ...since, toDevice: 0 }, request, true)
}

/** A token of `/sync`, or a position of sliding sync as what a sync would go on from that told its client as much of devices (MSC4543). */
function parsePosition(core: UserCore, deviceId: string, text: string): SyncToken {
  if (!isSlidingToken(text)) return parseSyncToken(core.config, core.userId, deviceId, text)
  const position = parseSlidingToken(core.config, core.userId, deviceId, text)
  const { sync } = position
  // Rooms that could not be asked: everything since before is told again.
  const seq = Math.min(memberSeqOf(position, sync.seq), ...sync.held.values())
  return { ...sync, seq, durable: Math.min(sync.durable, seq), held: new Map() }
}
