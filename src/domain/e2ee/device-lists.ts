import type { MemberChanges } from '../../durable/protocol.ts'
import type { SyncPlan } from '../../durable/sync-protocol.ts'
import { unwrap } from '../../runtime/outcome.ts'
import type { RequestContext } from '../context.ts'

/** `device_lists` of a sync response. */
export interface DeviceLists {
  readonly changed: readonly string[]
  readonly left: readonly string[]
}

/** Nobody's devices changed. */
export const NO_DEVICE_LISTS: DeviceLists = { changed: [], left: [] }

/**
 * Whose devices the client has to look at anew and whose it may forget (client-server-api#tracking-the-device-list-for-a-user): what accounts have
 * announced, and who came into and went out of rooms in the windows of the same response. Who went is compared with the rooms as they are now.
 */
export async function deviceLists(
  ctx: RequestContext,
  plan: Pick<SyncPlan, 'incremental' | 'devicesChanged'>,
  windows: Iterable<{ readonly memberChanges: MemberChanges | undefined } | undefined>,
): Promise<DeviceLists> {
  if (!plan.incremental) return NO_DEVICE_LISTS
  const changed = new Set(plan.devicesChanged)
  const gone = new Set<string>()
  for (const window of windows) {
    for (const userId of window?.memberChanges?.joined ?? []) changed.add(userId)
    for (const userId of window?.memberChanges?.left ?? []) gone.add(userId)
  }
  if (gone.size === 0) return { changed: [...changed], left: [] }
  const departed = unwrap(await ctx.session.sharingNothing([...gone]))
  const left = new Set(departed.left)
  // A client that looks at somebody's devices anew does no harm; one that forgets them, or keeps what is old, does.
  for (const userId of departed.unsure) changed.add(userId)
  return { changed: [...changed].filter((userId) => !left.has(userId)), left: [...left] }
}
