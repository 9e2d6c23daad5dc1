import { unwrap } from '../../runtime/outcome.ts'
import type { RequestContext } from '../context.ts'
import { askRooms } from '../sync/v3/windows.ts'
import { type DeviceLists, deviceLists } from './device-lists.ts'

/**
 * Answers `GET /keys/changes` (client-server-api#get_matrixclientv3keyschanges): what `device_lists` of a sync from this token would say.
 * @throws MatrixError M_UNKNOWN_POS for a token that was not issued to this device.
 */
export async function keyChanges(ctx: RequestContext, from: string): Promise<DeviceLists> {
  const plan = unwrap(await ctx.session.planKeyChanges(from))
  const windows = await askRooms(ctx, plan, { fullState: false, useStateAfter: false })
  return deviceLists(ctx, plan, windows.values())
}
