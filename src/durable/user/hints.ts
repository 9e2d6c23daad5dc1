import type { Hint, HintReply } from '../protocol.ts'
import { wakeParked } from './parking-wake.ts'
import type { UserCore } from './user-core.ts'

/** Takes a room's hint in memory and wakes whoever waits for it (docs/design/feed.md, "Hint"). No commit. */
export function takeHint(core: UserCore, hint: Hint): HintReply {
  if (!core.store.exists()) return { member: false, durablePos: 0 }
  const { feed } = core.feedKeeper
  const effect = feed.hint(hint)
  if (effect === 'stranger') return { member: false, durablePos: 0 }
  // An entry is only extended while no token covers it: whoever is parked was woken when it was appended.
  if (effect === 'appended') wakeParked(core)
  if (effect !== 'old') core.feedKeeper.flushSoon()
  return { member: true, durablePos: feed.durablePos(hint.roomId, hint.generation) }
}
