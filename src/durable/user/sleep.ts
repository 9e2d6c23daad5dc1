import { nowMs } from '../../runtime/clock.ts'
import { parkedCount } from './parked-poll.ts'
import type { UserCore } from './user-core.ts'

/** Whether rooms should ring at once: somebody waits, polled lately in this life of the object, or wants notifications (docs/design/feed.md, "Sleep"). */
export function isAwake(core: UserCore): boolean {
  return core.feedKeeper.polledLately(nowMs()) || parkedCount(core) > 0 || core.push.any
}
